// SPDX-License-Identifier: Apache-2.0
// What was judged, as a person looks at it before they change a threshold.

import type { Operations } from '@sealwatch/contract/api'
import {
  atOrAbove,
  type CountedReason,
  requestsIn,
  scoresMax,
  type Thresholds,
  thresholdFor,
} from '@sealwatch/detect/verdict'
import { columns, counted, safe, shellWord } from '../terminal.ts'

export type Judged = {
  /** Undefined: nobody knows over how many. */
  readonly days: number | undefined
  readonly scores: readonly number[]
  readonly reasons: readonly (CountedReason & { readonly false_alarms?: number })[]
  readonly thresholds: Thresholds
}

const curveScores = [1, 5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95, 98, 99, 100] as const
const barUnits = 40
/** Of the share that is a bar of one unit. */
const decades = 5
const reasonsShown = 15

export function calibrationText({ days, scores, reasons, thresholds }: Judged): string {
  const all = requestsIn(scores)
  if (all === 0) return 'No request was judged: there is nothing to calibrate by.\n'
  const over = days === undefined ? '' : ` over ${counted(days, 'day')}, ${perDay(all, days)} a day`
  const marks = Object.entries(thresholds)
  const shown = [...new Set([...curveScores, ...Object.values(thresholds)])].sort((one, other) => one - other)
  const rows = shown.map((score) => {
    const above = atOrAbove(scores, score)
    const names = marks.flatMap(([name, at]) => (at === score ? [name] : []))
    const daily = days === undefined ? [] : [perDay(above, days)]
    return [`>= ${score}`, String(above), percent(above / all), ...daily, bar(above / all), names.join(', ')]
  })
  const heads = ['SCORE', 'REQUESTS', 'SHARE', ...(days === undefined ? [] : ['A DAY']), '', '']
  const most = reasons
    .slice(0, reasonsShown)
    .map(({ detector, id, threats, false_alarms: alarms }) => [
      id === '' ? detector : `${detector}:${safe(id)}`,
      String(threats),
      percent(threats / all),
      ...(alarms === undefined ? [] : [String(alarms)]),
    ])
  const columnsOf = ['WEIGHED MOST', 'IN THREATS', 'OF ALL', ...(days === undefined ? [] : ['FALSE ALARMS'])]
  const table = most.length === 0 ? '' : `\n${columns([columnsOf, ...most])}`
  return `${counted(all, 'request')}${over}.\n\n${columns([heads, ...rows])}${table}`
}

export type Suggestion = Operations['getThreatCalibration']['answer']['suggestions'][number]

/** Of words, what is to be run. */
export type CommandOf = (words: string) => string

/** Exceptions that people's word on false alarms speaks for, each as a command. */
export const exceptionsText = (suggestions: readonly Suggestion[], command: CommandOf): string =>
  suggestions
    .map(({ detector, id, method, route, where, false_alarms }) => {
      const words = [
        id === null ? detector : `${detector}:${id}`,
        ...['--route', route],
        ...(method === null ? [] : ['--method', method]),
        ...(where === null ? [] : ['--where', where]),
        ...['--until', '90d', '--because', `${false_alarms} false alarms`],
      ]
      const add = `detect except add ${words.map((word) => shellWord(safe(word))).join(' ')}`
      return `${counted(false_alarms, 'false alarm')} of one kind. To except it:\n  ${command(add)}\n`
    })
    .join('')

/** Which thresholds keep to a share, were all of it harmless. */
export function suggestionText({ scores, thresholds }: Judged, share: number, command: CommandOf): string {
  const all = requestsIn(scores)
  const found = all === 0 ? undefined : thresholdFor(scores, share)
  if (found === undefined)
    return `No threshold keeps to ${percent(share)}: of ${counted(all, 'request')} ${percent(atOrAbove(scores, scoresMax) / Math.max(all, 1))} have the score 100. Except what they match first.\n`
  const { observe, challenge, block } = { ...thresholds, block: found }
  const options = [
    ...(observe > block ? [`--observe ${block}`] : []),
    ...(challenge > block ? [`--challenge ${block}`] : []),
    `--block ${block}`,
  ]
  return `From ${block} on lie ${percent(atOrAbove(scores, block) / all)} of these requests. If all of them are harmless that is the share of false positives:
  ${command(`detect settings set ${options.join(' ')} --because 'calibrated'`)}\n`
}

const perDay = (count: number, days: number): string => {
  const each = count / Math.max(days, 1)
  return each >= 10 || each === 0 ? String(Math.round(each)) : each.toFixed(1)
}

/** With as many digits as tell it from nothing. */
export function percent(share: number): string {
  const value = 100 * share
  return `${value === 0 || value >= 10 ? value.toFixed(0) : value.toPrecision(2)} %`
}

/** Logarithmic: what matters is far below a percent. */
function bar(share: number): string {
  if (share === 0) return ''
  return '#'.repeat(Math.max(1, Math.round(barUnits * (1 + Math.log10(share) / decades))))
}
