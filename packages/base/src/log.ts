// SPDX-License-Identifier: Apache-2.0

import { SealwatchError } from './errors.ts'
import { redacted, scrubText } from './scrub/index.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'critical'
export type LogFields = Readonly<Record<string, unknown>>
export type Log = { readonly [L in LogLevel]: (msg: string, fields?: LogFields) => void }

/** Field names whose values never reach a log (LOG-5), whatever they are. */
const secretName = /(secret|token|passw|passphrase|pwd|private|credential|authorization|cookie|api[-_]?key)/i
/** Fields of events whose class says that a log shows nothing of them (docs/formats/event.md, 6.1). */
const hiddenNames = new Set([
  'cmd_line',
  'environment_variables',
  'http_request',
  'url',
  'full_name',
  'display_name',
  'email_addr',
  'diff',
])
const people = new Set(['user', 'owner'])
const valueCharsMax = 2000
const causesMax = 4

/**
 * One JSON object a line. `write` gets the line with its newline; time comes from the caller's clock. What a field's
 * name or an event's class forbids is left out, and every text, message and stack goes through the scrubber.
 */
export function createLog(component: string, write: (line: string) => void, nowMs: () => number): Log {
  const at =
    (level: LogLevel) =>
    (msg: string, fields: LogFields = {}) => {
      const head = { time: new Date(nowMs()).toISOString(), level, component, msg }
      write(`${jsonOf({ ...head, ...fields }) ?? jsonOf({ ...head, fields: 'unreadable' })}\n`)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), critical: at('critical') }
}

/** Undefined for what JSON cannot say, a circle for one: a log is no reason to fail. */
function jsonOf(value: object): string | undefined {
  try {
    return JSON.stringify(value, shown)
  } catch {
    return undefined
  }
}

function shown(this: unknown, name: string, asJson: unknown): unknown {
  // JSON asks toJSON first: a cause would be gone, and the bytes of a Buffer be there.
  const given = (this as Readonly<Record<string, unknown>>)[name]
  const value = given instanceof Error || given instanceof Uint8Array ? given : asJson
  if (value === null || value === undefined) return value
  if (secretName.test(name) || isHidden(name, value)) return redacted
  if (value instanceof Error) return errorShown(value, causesMax)
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (people.has(name) && typeof value === 'object') return { ...value, name: undefined }
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'string') return value
  const text = scrubText(value)
  return text.length > valueCharsMax ? `${text.slice(0, valueCharsMax)}…` : text
}

/** A URL that the program itself speaks of is text; an event's is an object. */
const isHidden = (name: string, value: unknown) =>
  hiddenNames.has(name) && (name !== 'url' || typeof value === 'object')

function errorShown(error: Error, left: number): object {
  const { name, message, stack } = error
  return { ...(error instanceof SealwatchError ? error.toJSON() : { name, message, stack }), ...causeOf(error, left) }
}

function causeOf({ cause }: Error, left: number): { cause?: unknown } {
  if (cause === undefined || left === 0) return {}
  return { cause: cause instanceof Error ? errorShown(cause, left - 1) : cause }
}
