// SPDX-License-Identifier: Apache-2.0

import { SealwatchError } from './errors.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'critical'
export type LogFields = Readonly<Record<string, unknown>>
export type Log = { readonly [L in LogLevel]: (msg: string, fields?: LogFields) => void }

/** Field names whose values never reach a log (LOG-5). */
const secretName = /(secret|token|passw|passphrase|pwd|private|credential|authorization|cookie|api[-_]?key)/i
/** Nor does a private key, whatever the field is called. */
const privateKeyPem = /-----BEGIN [A-Z ]*PRIVATE KEY-----/
const valueCharsMax = 2000

/** One JSON object a line. `write` gets the line with its newline; time comes from the caller's clock. */
export function createLog(component: string, write: (line: string) => void, nowMs: () => number): Log {
  const at =
    (level: LogLevel) =>
    (msg: string, fields: LogFields = {}) =>
      write(`${JSON.stringify({ time: new Date(nowMs()).toISOString(), level, component, msg, ...fields }, redact)}\n`)
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), critical: at('critical') }
}

function redact(name: string, value: unknown): unknown {
  if (secretName.test(name) && value !== null && value !== undefined) return '[redacted]'
  if (value instanceof SealwatchError) return value.toJSON()
  if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack }
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'string') return value
  if (privateKeyPem.test(value)) return '[redacted]'
  return value.length > valueCharsMax ? `${value.slice(0, valueCharsMax)}…` : value
}
