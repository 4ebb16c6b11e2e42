// SPDX-License-Identifier: Apache-2.0

import { type Command, commonOptions, type OptionTable } from './command.ts'
import { columns } from './terminal.ts'

export function overview(table: readonly Command[]): string {
  const rows = table.map((row) => [`  ${row.name}`, row.summary])
  return `Sealwatch sees what happens on this machine, seals it, and proves it afterwards.

Usage: ./sealwatch COMMAND [OPTIONS]

${columns(rows)}
Every command takes --json, --data DIR and --help.
Exit codes: 0 done, 1 a finding or a proof that fails, 2 wrong usage, 3 the environment does not allow it.

New here? sudo ./sealwatch up
`
}

/** Commands that begin with these words and go on. */
export const groupOf = (words: string, table: readonly Command[]): readonly Command[] =>
  words === '' || table.some(({ name }) => name === words)
    ? []
    : table.filter(({ name }) => name.startsWith(`${words} `))

export function groupHelp(group: readonly Command[]): string {
  const word = group[0]?.name.split(' ')[0]
  return `Usage: ./sealwatch ${word} COMMAND [OPTIONS]

${columns(group.map((row) => [`  ${row.name}`, row.summary]))}
Each explains itself: ./sealwatch ${group[0]?.name} --help
`
}

export function helpOf(command: Command): string {
  const sections = [
    command.summary + (command.about === undefined ? '' : `\n\n${command.about}`),
    `Usage: ./sealwatch ${usageOf(command)}`,
    `Options:\n${columns(optionRows({ ...command.options, ...commonOptions }).map(([left, help]) => [`  ${left}`, help]))}`.trimEnd(),
    `Examples:\n${command.examples.map((example) => `  ${example}`).join('\n')}`,
  ]
  return `${sections.join('\n\n')}\n`
}

export function usageOf(command: Command): string {
  const operands = (command.operands ?? []).map(
    ({ name, required, most }) => `${required ? '' : '['}${name}${most === undefined ? '' : '…'}${required ? '' : ']'}`,
  )
  const required = Object.entries(command.options).filter(([, option]) => option.required)
  return [
    command.name,
    ...operands,
    ...optionRows(Object.fromEntries(required)).map(([left]) => left),
    '[OPTIONS]',
  ].join(' ')
}

export function optionRows(options: OptionTable): [left: string, help: string][] {
  return Object.entries(options).map(([name, row]) => {
    const short = row.short === undefined ? '' : `-${row.short}, `
    return [`${short}--${name}${row.takes === undefined ? '' : ` ${row.takes}`}`, row.help]
  })
}
