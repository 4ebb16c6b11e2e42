// SPDX-License-Identifier: Apache-2.0
// No node: imports.

// Of the last second that was written: what is sealed together mostly falls into one.
let secondNs = 0n
let secondText = '1970-01-01T00:00:00'

/** RFC 3339 UTC with nine fractional digits, the form of a line's `time`. */
export function rfc3339(unixNs: bigint): string {
  let ns = Number(unixNs - secondNs)
  if (!(ns >= 0 && ns < 1e9)) {
    const seconds = unixNs / 1_000_000_000n
    secondText = new Date(Number(seconds) * 1000).toISOString().slice(0, 19)
    secondNs = seconds * 1_000_000_000n
    ns = Number(unixNs - secondNs)
  }
  return `${secondText}.${String(ns).padStart(9, '0')}Z`
}

/** A text as people read it: the times in it to the second, "2026-11-21 12:00:05 UTC". Programs and ledgers keep the exact ones. */
export const toSeconds = (text: string): string =>
  text.replace(/(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z/g, '$1 $2 UTC')

const givenForm = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/

/** RFC 3339 with whatever offset and digits, as people give it, in the form of rfc3339; undefined for what is none, or was before 1970. */
export function rfc3339From(text: string): string | undefined {
  const [, seconds = '', fraction = '', offset = ''] = givenForm.exec(text) ?? []
  const exists = parseRfc3339(`${seconds}.000000000Z`) !== undefined
  const ms = exists ? Date.parse(`${seconds}${offset}`) : Number.NaN
  return ms >= 0 ? rfc3339(BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))) : undefined
}

const rfc3339Form = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z$/

/** The inverse of rfc3339; undefined for any other form, a date that does not exist, and what was before 1970. */
export function parseRfc3339(text: string): bigint | undefined {
  const match = rfc3339Form.exec(text)
  if (match === null) return undefined
  const [, seconds, fraction] = match as unknown as [string, string, string]
  const ms = Date.parse(`${seconds}.000Z`)
  const exists = ms >= 0 && new Date(ms).toISOString().startsWith(seconds)
  return exists ? BigInt(ms) * 1_000_000n + BigInt(fraction) : undefined
}
