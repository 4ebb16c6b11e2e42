// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from './errors.ts'

export const configErrors = {
  CONFIG_INVALID: {
    kind: 'invalid',
    rule: 'every setting must be known and within its limits',
    advice: 'docs/reference/configuration.md lists every setting',
  },
} as const satisfies ErrorTable
const configError = errorsOf(configErrors)

export type Setting<T> = {
  readonly env: string
  readonly default: T | undefined
  readonly help: string
  /** The value never stands in a message. */
  readonly secret?: true
  /** Returns the value, or a string that completes "must be …". */
  readonly parse: (text: string) => { readonly value: T } | { readonly mustBe: string }
}
export type SettingTable = Readonly<Record<string, Setting<unknown>>>
export type ConfigOf<T extends SettingTable> = { readonly [K in keyof T]: T[K] extends Setting<infer V> ? V : never }

const givenCharsMax = 100

type Base<T> = { env: string; default?: T; help: string }

export const integer = (row: Base<number> & { min: number; max: number }): Setting<number> => ({
  env: row.env,
  default: row.default,
  help: row.help,
  parse: (text) => {
    const value = Number(text)
    const fits = /^\d+$/.test(text) && value >= row.min && value <= row.max
    return fits ? { value } : { mustBe: `an integer from ${row.min} to ${row.max}` }
  },
})

export const text = (row: Base<string> & { form?: RegExp; mustBe?: string }): Setting<string> => ({
  env: row.env,
  default: row.default,
  help: row.help,
  parse: (value) =>
    value !== '' && (row.form?.test(value) ?? true) ? { value } : { mustBe: row.mustBe ?? 'a text that is not empty' },
})

type Optional = Omit<Base<string>, 'default'> & { form?: RegExp; mustBe?: string; secret?: true }

/** Empty is not set, for so an orchestrator passes what it has no value for. */
export const optional = ({ env, help, form = /^/, mustBe = 'a text', secret }: Optional): Setting<string> => ({
  env,
  default: '',
  help,
  ...(secret === undefined ? {} : { secret }),
  parse: (value) => (value === '' || form.test(value) ? { value } : { mustBe }),
})

/**
 * Reads a program's settings once. All faults are reported together, names with one of its prefixes that the table
 * does not know are refused, and the result is frozen.
 */
export function readConfig<T extends SettingTable>(
  table: T,
  env: Readonly<Record<string, string | undefined>>,
  ...prefixes: readonly string[]
): ConfigOf<T> {
  const faults: string[] = []
  const entries = Object.entries(table).map(([name, setting]) => {
    const given = env[setting.env]
    if (given === undefined) {
      if (setting.default === undefined) faults.push(`${setting.env} must be set: ${setting.help}`)
      return [name, setting.default]
    }
    const parsed = setting.parse(given)
    if ('value' in parsed) return [name, parsed.value]
    const shown = setting.secret === true ? '' : `, not ${JSON.stringify(given.slice(0, givenCharsMax))}`
    faults.push(`${setting.env} must be ${parsed.mustBe}${shown}`)
    return [name, undefined]
  })
  const known = new Set(Object.values(table).map((setting) => setting.env))
  for (const name of Object.keys(env))
    if (prefixes.some((prefix) => name.startsWith(prefix)) && !known.has(name)) faults.push(`${name} is not a setting`)
  if (faults.length > 0) {
    const advice = `${faults.join('; ')}. ${configErrors.CONFIG_INVALID.advice}`
    throw configError('CONFIG_INVALID', { attempted: 'reading the configuration', advice })
  }
  return Object.freeze(Object.fromEntries(entries)) as ConfigOf<T>
}
