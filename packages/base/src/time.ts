// SPDX-License-Identifier: Apache-2.0
// No node: imports.

/** RFC 3339 UTC with nine fractional digits, the form of a line's `time`. */
export function rfc3339(unixNs: bigint): string {
  const fraction = (unixNs % 1_000_000_000n).toString().padStart(9, '0')
  return `${new Date(Number(unixNs / 1_000_000_000n) * 1000).toISOString().slice(0, 19)}.${fraction}Z`
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
