// SPDX-License-Identifier: Apache-2.0

import type { Io } from './io.ts'
import type { Place } from './place.ts'

/** One option of a command. Without `takes` it is a flag. */
export type Option<T> = {
  /** What stands for the value in help, in capitals. */
  readonly takes?: string
  readonly short?: string
  readonly help: string
  /** For help: the command says itself what is missing without it. */
  readonly required?: boolean
  readonly absent: T
  /** Returns the value, or a string that completes "must be …". */
  readonly read: (text: string) => { readonly value: T } | { readonly mustBe: string }
}
export type OptionTable = Readonly<Record<string, Option<unknown>>>
export type Values<O extends OptionTable> = { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never }

/** `most`: it may be given so many times. */
export type Operand = { readonly name: string; readonly required: boolean; readonly most?: number }

export type Context = {
  readonly io: Io
  readonly place: Place
  readonly json: boolean
}

type Row<O extends OptionTable> = {
  /** One to three words, as typed. */
  readonly name: string
  readonly summary: string
  /** Paragraphs below the summary in help, wrapped by hand at 100 characters. */
  readonly about?: string
  readonly operands?: readonly Operand[]
  readonly options: O
  readonly examples: readonly string[]
  /** Resolves with the exit code. */
  readonly run: (options: Values<O>, operands: readonly string[], context: Context) => Promise<number>
}

export type Command = Omit<Row<OptionTable>, 'run'> & {
  readonly run: (
    options: Readonly<Record<string, unknown>>,
    operands: readonly string[],
    context: Context,
  ) => Promise<number>
}

/** Types a row of the command table by its own options. */
export const command = <O extends OptionTable>(row: Row<O>): Command => ({
  ...row,
  run: (options, operands, context) => row.run(options as Values<O>, operands, context),
})

export const exit = { ok: 0, finding: 1, usage: 2, environment: 3 } as const

export const flag = (help: string, short?: string): Option<boolean> => ({
  ...(short === undefined ? {} : { short }),
  help,
  absent: false,
  read: () => ({ value: true }),
})

type TextRow = { takes: string; help: string; short?: string; required?: boolean }

export const text = (row: TextRow): Option<string | undefined> => ({
  ...row,
  absent: undefined,
  read: (value) => (value === '' ? { mustBe: 'a text that is not empty' } : { value }),
})

export const form = (row: TextRow & { form: RegExp; mustBe: string }): Option<string | undefined> => ({
  takes: row.takes,
  help: row.help,
  absent: undefined,
  read: (value) => (row.form.test(value) ? { value } : { mustBe: row.mustBe }),
})

export const webUrl = (row: TextRow): Option<string | undefined> => ({
  ...row,
  absent: undefined,
  read: (value) =>
    /^https?:$/.test(URL.parse(value)?.protocol ?? '') ? { value } : { mustBe: 'a URL, as http://127.0.0.1:9090' },
})

export const integer = (row: TextRow & { min: number; max: number; absent: number }): Option<number> => ({
  ...row,
  read: (given) => {
    const value = Number(given)
    return /^\d+$/.test(given) && value >= row.min && value <= row.max
      ? { value }
      : { mustBe: `an integer from ${row.min} to ${row.max}` }
  },
})

/** What every command takes. */
export const commonOptions = {
  json: flag('Print JSON for programs'),
  data: text({
    takes: 'DIR',
    help: 'Data directory of the instance (default: $SEALWATCH_DATA, else /var/lib/sealwatch)',
  }),
  help: flag('Explain this command', 'h'),
} as const
