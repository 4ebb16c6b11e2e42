// SPDX-License-Identifier: Apache-2.0
// What Node is told on its command line, before its script: there its operator, or whoever starts it, opens doors to its memory.

import { basename } from 'node:path'

/** Node's own names, Debian's too: `node`, `nodejs`, `node-22`. */
export const runsNode = (exe: string | null): boolean =>
  exe !== null && /^node(?:js)?(?:-?[\d.]+)?$/.test(basename(exe))

/** Options whose value is the argument behind them, unless it follows a `=`. */
const withValue =
  /^(?:-[rCep]|--(?:require|import|loader|experimental-loader|conditions|eval|print|env-file|env-file-if-exists|title|icu-data-dir|openssl-config|input-type|heapsnapshot-signal|heapsnapshot-near-heap-limit|report-(?:dir|directory|filename|signal)|diagnostic-dir|disable-warning|redirect-warnings|trace-event-(?:categories|file-pattern)|inspect-port|debug-port|max-http-header-size|secure-heap|secure-heap-min|stack-trace-limit|unhandled-rejections|dns-result-order))$/

/** Of Node itself, each with its value behind `=`: what stands behind its script is the script's. */
export function optionsOf(argv: readonly string[]): string[] {
  const options: string[] = []
  for (let at = 1; at < argv.length; at += 1) {
    const option = (argv[at] as string).replace(/^--[^=]+/, (name) => name.replaceAll('_', '-'))
    if (!option.startsWith('-') || option === '--' || option === '-') break
    const value = withValue.test(option) ? argv[++at] : undefined
    options.push(value === undefined ? option : `${option}=${value}`)
  }
  return options
}

export const opensInspector = (option: string): boolean => /^--inspect(?:-brk|-wait|-port)?(?:=|$)/.test(option)

/** A port of its own choice, or none that is named. */
export const listensSomewhere = (option: string): boolean => /^--inspect(?:-brk|-wait)?(?:=|$)/.test(option)

/** Its heap, or a report with its environment. */
export const dumpsItself = (option: string): boolean =>
  /^--(?:heapsnapshot-(?:signal|near-heap-limit)|report-(?:on-signal|uncaught-exception|on-fatalerror))(?:=|$)/.test(
    option,
  )

/** What it does, and how much it holds of what. */
export const profilesItself = (option: string): boolean =>
  /^--(?:cpu-prof|heap-prof|prof|perf-basic-prof|perf-prof|interpreted-frames-native-stack|abort-on-uncaught-exception)(?:=|$)/.test(
    option,
  )
