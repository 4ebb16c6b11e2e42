// SPDX-License-Identifier: Apache-2.0
// What a service signs and sends (docs/formats/submission.md). No node: imports: whoever verifies it runs in a browser, too.

const MiB = 1024 * 1024

export const submissionLimits = {
  rowsMax: 1000,
  rowBytesMax: 30_000,
  payloadBytesMax: MiB,
  /** Of the largest RSA key that is taken. */
  signatureBytesMax: 1024,
  idMax: 128,
  payloadTypeMax: 256,
  requestSubmissionsMax: 100,
  /** Of the payloads of a request. */
  requestBytesMax: 4 * MiB,
} as const

export const submissionForms = ['detached', 'dsse'] as const
export type SubmissionForm = (typeof submissionForms)[number]

/** Ids of submissions, and of keys that services chose: printable, no space. */
export const submissionIdForm = /^[\x21-\x7e]{1,128}$/

/** As it goes over the wire, and as it is kept. */
export type SignedRows = {
  /** Names these bytes for ever. */
  readonly id: string
  readonly form: SubmissionForm
  readonly payload: Uint8Array
  readonly payloadType: string
  readonly keyId: string
  /** As its service says. */
  readonly algorithm: string
  readonly signature: Uint8Array
}

export type SubmissionOutcome =
  /** `mark`: why it failed verification, and was admitted as strict signatures are off; undefined: it did not. */
  | { readonly kind: 'admitted'; readonly leafIndex: number; readonly mark?: string }
  | { readonly kind: 'duplicate'; readonly leafIndex: number }
  | { readonly kind: 'quarantined'; readonly reason: string; readonly item: string }
  /** `retryAfter` in seconds; undefined: it will never be taken. */
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string; readonly retryAfter?: number }

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The bytes that are signed, of the texts of the rows (submission.md, 2). */
export const payloadOf = (texts: readonly string[]): Uint8Array =>
  encoder.encode(texts.length === 1 ? (texts[0] as string) : texts.map((text) => `${text}\n`).join(''))

/** Of a UTF-16 code unit. */
const utf8BytesMax = 3

/** What is wrong with a row; undefined: nothing. */
export function rowFault(text: string): string | undefined {
  if (text === '' || !text.isWellFormed()) return 'a row that is empty, or no UTF-8'
  const { rowBytesMax } = submissionLimits
  // Most are so short that nobody has to count, which would be a buffer for each row.
  const bytes = utf8BytesMax * text.length > rowBytesMax ? encoder.encode(text).length : 0
  if (bytes > rowBytesMax) return `a row of ${bytes} bytes`
  return forbidden.test(text) ? 'a row with a newline or another control character' : undefined
}

// Tab and carriage return are white space of JSON; the others would make a line six times as long.
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for
const forbidden = /[\x00-\x08\x0a-\x0c\x0e-\x1f]/

/** The rows of a payload, or what is wrong with it. `payloadOf` of the rows is the payload again. */
export function rowsOf(payload: Uint8Array): { readonly rows: readonly string[] } | { readonly fault: string } {
  if (payload.length === 0 || payload.length > submissionLimits.payloadBytesMax)
    return { fault: `a payload of ${payload.length} bytes` }
  let text: string
  try {
    text = decoder.decode(payload)
  } catch {
    return { fault: 'a payload that is not UTF-8' }
  }
  const rows = text.split('\n')
  if (rows.length > 1 && rows.pop() !== '') return { fault: 'several rows, of which the last has no newline' }
  if (rows.length === 1 && text.endsWith('\n')) return { fault: 'a single row with a newline: a row alone has none' }
  if (rows.length > submissionLimits.rowsMax) return { fault: `${rows.length} rows` }
  const fault = rows.map(rowFault).find((found) => found !== undefined)
  return fault === undefined ? { rows } : { fault }
}
