// SPDX-License-Identifier: Apache-2.0

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

export type ErrorDetail = {
  /** What was being done, as a phrase that follows "while": "reading the rule file x.yml". */
  readonly attempted: string
  readonly received?: unknown
  /** Overrides the table's advice when this place knows better. */
  readonly advice?: string
  readonly cause?: unknown
}

const receivedCharsMax = 300

export class SealwatchError extends Error {
  override readonly name = 'SealwatchError'
  readonly code: string
  readonly kind: ErrorKind
  readonly attempted: string
  readonly rule: string
  readonly received: string | undefined
  readonly advice: string

  constructor(code: string, row: ErrorRow, detail: ErrorDetail) {
    const received = detail.received === undefined ? undefined : show(detail.received)
    const advice = detail.advice ?? row.advice
    super(
      `${code} while ${detail.attempted}: ${row.rule}${received === undefined ? '' : `; received ${received}`}. ${advice}`,
      { cause: detail.cause },
    )
    this.code = code
    this.kind = row.kind
    this.attempted = detail.attempted
    this.rule = row.rule
    this.received = received
    this.advice = advice
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

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function show(value: unknown): string {
  const text =
    typeof value === 'string' ? JSON.stringify(value) : typeof value === 'object' ? jsonOf(value) : String(value)
  return text.length > receivedCharsMax ? `${text.slice(0, receivedCharsMax)}… (${text.length} characters)` : text
}

function jsonOf(value: object | null): string {
  try {
    return JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? inner.toString() : inner))
  } catch {
    return Object.prototype.toString.call(value)
  }
}
