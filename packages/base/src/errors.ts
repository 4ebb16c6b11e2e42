// SPDX-License-Identifier: Apache-2.0

import { scrubText } from './scrub/index.ts'

/**
 * What went wrong, for programs. The kind alone decides exit code, RPC code, log level and retry:
 * `invalid` the input breaks a rule; `unverified` a proof or signature does not hold; `conflict` it contradicts
 * what is already recorded; `not_found`; `denied`; `exhausted` a named limit is met; `unavailable` try again later;
 * `fatal` the outcome is unknown and the process must stop.
 */
export type ErrorKind =
  | 'invalid'
  | 'unverified'
  | 'conflict'
  | 'not_found'
  | 'denied'
  | 'exhausted'
  | 'unavailable'
  | 'fatal'

export type ErrorRow = { readonly kind: ErrorKind; readonly rule: string; readonly advice: string }
export type ErrorTable = Readonly<Record<string, ErrorRow>>

/** Errors are shown, logged and sent: secrets are taken out of what is said here. */
export type ErrorDetail = {
  /** What was being done, as a phrase that follows "while": "reading the rule file x.yml". */
  readonly attempted: string
  readonly received?: unknown
  /** In its place: what another error has shown, here or in another process, and is not to be quoted again. */
  readonly shown?: string | undefined
  /** Overrides the table's advice when this place knows better. */
  readonly advice?: string
  /** How long to wait before it can succeed, where that is known. */
  readonly waitMs?: number
  readonly cause?: unknown
}

const receivedCharsMax = 300
const scrubbedCharsMax = 4_096

export class SealwatchError extends Error {
  override readonly name = 'SealwatchError'
  readonly code: string
  readonly kind: ErrorKind
  readonly attempted: string
  readonly rule: string
  readonly received: string | undefined
  readonly advice: string
  readonly waitMs: number | undefined

  constructor(code: string, row: ErrorRow, detail: ErrorDetail) {
    const { cause } = detail
    // What the cause has received was shown there already.
    const isShown = isSealwatchError(cause) && detail.received === cause.received
    const received =
      detail.received === undefined ? shorten(detail.shown) : isShown ? cause.received : show(detail.received)
    const attempted = scrubText(detail.attempted)
    const advice = detail.advice === undefined ? row.advice : scrubText(detail.advice)
    super(
      `${code} while ${attempted}: ${row.rule}${received === undefined ? '' : `; received ${received}`}. ${advice}`,
      { cause: detail.cause },
    )
    this.code = code
    this.kind = row.kind
    this.attempted = attempted
    this.rule = row.rule
    this.received = received
    this.advice = advice
    this.waitMs = detail.waitMs
  }

  toJSON(): Record<string, unknown> {
    const { code, kind, attempted, rule, received, advice } = this
    return { code, kind, attempted, rule, received, advice }
  }
}

/** Binds a table once: `const ledgerError = errorsOf(ledgerErrors)`, then `throw ledgerError('LEDGER_…', { … })`. */
export function errorsOf<T extends ErrorTable>(table: T) {
  return (code: keyof T & string, detail: ErrorDetail): SealwatchError =>
    new SealwatchError(code, table[code] as ErrorRow, detail)
}

export function isSealwatchError(error: unknown, code?: string): error is SealwatchError {
  return error instanceof SealwatchError && (code === undefined || error.code === code)
}

/** With the system's word for why: "fetch failed" alone says nothing. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = (error.cause ?? {}) as { readonly code?: unknown }
  const isNew = !isSealwatchError(error) && typeof code === 'string' && !error.message.includes(code)
  return isNew ? `${error.message} (${code})` : error.message
}

function show(value: unknown): string {
  const text =
    typeof value === 'string' ? JSON.stringify(value) : typeof value === 'object' ? jsonOf(value) : String(value)
  return shorten(text)
}

function shorten(text: string): string
function shorten(text: string | undefined): string | undefined
function shorten(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  // Scrubbed first: what is cut in two is no longer known for a secret.
  const clean = scrubText(text.slice(0, scrubbedCharsMax))
  // Half a character would keep it out of a ledger, where errors are told of.
  const whole = clean.slice(0, receivedCharsMax).toWellFormed()
  return text.length > receivedCharsMax ? `${whole}… (${text.length} characters)` : clean.toWellFormed()
}

function jsonOf(value: object | null): string {
  try {
    return JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? inner.toString() : inner))
  } catch {
    return Object.prototype.toString.call(value)
  }
}
