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

/**
 * Reads a program's settings once. All faults are reported together, names with the program's prefix that the table
 * does not know are refused, and the result is frozen.
 */
export function readConfig<T extends SettingTable>(
  table: T,
  env: Readonly<Record<string, string | undefined>>,
  prefix: string,
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
    faults.push(`${setting.env} must be ${parsed.mustBe}, not ${JSON.stringify(given.slice(0, givenCharsMax))}`)
    return [name, undefined]
  })
  const known = new Set(Object.values(table).map((setting) => setting.env))
  for (const name of Object.keys(env))
    if (name.startsWith(prefix) && !known.has(name)) faults.push(`${name} is not a setting`)
  if (faults.length > 0) {
    const advice = `${faults.join('; ')}. ${configErrors.CONFIG_INVALID.advice}`
    throw configError('CONFIG_INVALID', { attempted: 'reading the configuration', advice })
  }
  return Object.freeze(Object.fromEntries(entries)) as ConfigOf<T>
}
