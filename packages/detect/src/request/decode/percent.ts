// SPDX-License-Identifier: Apache-2.0

/** The value of a hexadecimal digit, 255 for every other character below 256. */
const digits = Uint8Array.from({ length: 256 }, (_, unit) => {
  const value = Number.parseInt(String.fromCharCode(unit), 16)
  return Number.isNaN(value) ? 255 : value
})

const hexDigit = (unit: number): number => digits[unit] ?? 255

/** The byte that the two digits at `at` stand for; undefined when they are no such digits. */
export function hexByte(text: string, at: number): number | undefined {
  if (at + 2 > text.length) return undefined
  const high = hexDigit(text.charCodeAt(at))
  const low = hexDigit(text.charCodeAt(at + 1))
  return high > 15 || low > 15 ? undefined : high * 16 + low
}

/** Decodes %XX once; a % without two digits stays as it is. */
export function decodePercent(text: string): string {
  let at = text.indexOf('%')
  if (at < 0) return text
  let from = 0
  let decoded = ''
  while (at >= 0) {
    const byte = hexByte(text, at + 1)
    if (byte === undefined) at += 1
    else {
      decoded += text.slice(from, at) + String.fromCharCode(byte)
      at += 3
      from = at
    }
    at = text.indexOf('%', at)
  }
  return decoded + text.slice(from)
}

/** As forms are written (WHATWG URL, 5.1): + is a space, then %XX. */
export const decodeForm = (text: string): string => decodePercent(text.includes('+') ? text.replaceAll('+', ' ') : text)

/** Whether there is a % that does not begin %XX or %uXXXX. */
export const hasLoosePercent = (text: string): boolean =>
  text.includes('%') && /%(?![0-9a-f]{2}|u[0-9a-f]{4})/i.test(text)
