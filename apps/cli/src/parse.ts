// SPDX-License-Identifier: Apache-2.0

import { parseArgs } from 'node:util'
import { nearest } from '@sealwatch/contract/nearest'
import { type Command, commonOptions, type Option, type OptionTable } from './command.ts'
import { cliError } from './errors.ts'
import { shellWord } from './terminal.ts'

export type Parsed = {
  readonly command: Command
  readonly options: Readonly<Record<string, unknown>>
  readonly operands: readonly string[]
  readonly common: { readonly json: boolean; readonly data: string | undefined; readonly help: boolean }
}

/** A command that has one of these takes any, for nobody remembers which is whose. */
const whyWords: readonly string[] = ['because', 'cause', 'reason']

/** Reads a command line against the table. Throws CLI_USAGE, which names the nearest thing that exists. */
export function parse(args: readonly string[], table: readonly Command[]): Parsed {
  const { command, rest } = findCommand(args, table)
  const own: OptionTable = { ...command.options, ...commonOptions }
  const [why, whyRow] = Object.entries(own).find(([name]) => whyWords.includes(name)) ?? []
  const rows = whyRow === undefined ? own : { ...Object.fromEntries(whyWords.map((word) => [word, whyRow])), ...own }
  const { tokens } = parseArgs({ args: rest, options: parseArgsRows(rows), strict: false, tokens: true })
  const options = Object.fromEntries(Object.entries(own).map(([name, row]) => [name, row.absent]))
  const operands: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value)
    if (token.kind === 'option') {
      const name = why !== undefined && !Object.hasOwn(own, token.name) ? why : token.name
      options[name] = readOption(command, rows, token)
    }
  }
  const common = { json: options.json === true, data: options.data as string | undefined, help: options.help === true }
  if (!common.help) checkOperands(command, operands)
  return { command, options, operands, common }
}

/** True when `--json` stands anywhere: errors before parsing is done are then JSON too. */
export const wantsJson = (args: readonly string[]): boolean => args.includes('--json')

function findCommand(args: readonly string[], table: readonly Command[]): { command: Command; rest: string[] } {
  for (const words of [3, 2, 1]) {
    const name = args.slice(0, words).join(' ')
    const command = table.find((row) => row.name === name)
    if (command !== undefined && args.length >= words) return { command, rest: args.slice(words) }
  }
  const [first = '', second = ''] = args.filter((word, i) => i === 0 || !word.startsWith('-'))
  if (first.startsWith('-'))
    throw usage(`reading the option ${first}`, first, 'Name the command first: ./sealwatch COMMAND [OPTIONS]')
  const family = table.filter((row) => row.name.startsWith(`${first} `)).map(({ name }) => name)
  if (family.length > 0) {
    const meant = nearestIn(family, args)
    throw usage(
      `reading the command ${first}`,
      second || undefined,
      meant === undefined ? `Use one of: ${family.join(', ')}` : `Did you mean: ./sealwatch ${meant}`,
    )
  }
  const names = table.map((row) => row.name)
  const meant =
    nearest(`${first} ${second}`, names) ??
    nearest(first, names) ??
    nearest(
      first,
      table.map((row) => row.name.split(' ')[0] ?? ''),
    )
  throw usage(
    `reading the command ${first}`,
    first,
    meant === undefined ? 'See all commands: ./sealwatch help' : `Did you mean: ./sealwatch ${meant}`,
  )
}

/** The first word is right: how far off the others are is all that counts. */
function nearestIn(family: readonly string[], [, ...typed]: readonly string[]): string | undefined {
  for (const words of [2, 1]) {
    const rests = family.map((name) => name.split(' ').slice(1)).filter(({ length }) => length === words)
    const meant = nearest(
      typed.slice(0, words).join(' '),
      rests.map((rest) => rest.join(' ')),
    )
    if (meant !== undefined) return family.find((name) => name.endsWith(` ${meant}`))
  }
  return undefined
}

type OptionToken = { name: string; rawName: string; value?: string | undefined; inlineValue?: boolean | undefined }

function readOption(command: Command, rows: OptionTable, token: OptionToken): unknown {
  const row: Option<unknown> | undefined = Object.hasOwn(rows, token.name) ? rows[token.name] : undefined
  const attempted = `reading the options of ${command.name}`
  if (row === undefined) {
    const meant = nearest(token.name, Object.keys(rows))
    const help = `./sealwatch ${command.name} --help`
    throw usage(attempted, token.rawName, meant === undefined ? `See ${help}` : `Did you mean --${meant}? See ${help}`)
  }
  if (row.takes === undefined) {
    if (token.value !== undefined)
      throw usage(attempted, `${token.rawName}=${token.value}`, `${token.rawName} takes no value`)
    return true
  }
  if (token.value === undefined) throw usage(attempted, token.rawName, `Give it a value: ${token.rawName} ${row.takes}`)
  const result = row.read(token.value)
  if ('value' in result) return result.value
  throw usage(attempted, `${token.rawName} ${token.value}`, `${token.rawName} must be ${result.mustBe}`)
}

function checkOperands(command: Command, operands: readonly string[]): void {
  const wanted = (command.operands ?? []).flatMap((row) =>
    Array.from({ length: row.most ?? 1 }, (_, i) => (i === 0 ? row : { ...row, required: false })),
  )
  const attempted = `reading the arguments of ${command.name}`
  const extra = operands[wanted.length]
  if (extra !== undefined) throw usage(attempted, extra, `See ./sealwatch ${command.name} --help`)
  const missing = wanted[operands.length]
  if (missing?.required === true)
    throw usage(
      attempted,
      undefined,
      `Name the ${missing.name}: ./sealwatch ${[command.name, ...operands.map(shellWord), missing.name].join(' ')}`,
    )
}

const parseArgsRows = (rows: OptionTable) =>
  Object.fromEntries(
    Object.entries(rows).map(([name, row]) => [
      name,
      {
        type: row.takes === undefined ? ('boolean' as const) : ('string' as const),
        ...(row.short === undefined ? {} : { short: row.short }),
      },
    ]),
  )

const usage = (attempted: string, received: string | undefined, advice: string) =>
  cliError('CLI_USAGE', { attempted, advice, ...(received === undefined ? {} : { received }) })
