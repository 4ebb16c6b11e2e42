// SPDX-License-Identifier: Apache-2.0
// No node: imports.

/** Containers nest at most so deep. */
export const jsonDepthMax = 32

const [quote, backslash, comma, colon, minus] = [0x22, 0x5c, 0x2c, 0x3a, 0x2d]
const [zero, nine] = [0x30, 0x39]
const [arrayOpen, arrayClose, objectOpen, objectClose] = [0x5b, 0x5d, 0x7b, 0x7d]

/** 0: a byte that stands for itself in a string; 1: the rest of ASCII; 2: part of a longer character. */
const byteClass = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x80) return 2
  return byte < 0x20 || byte === quote || byte === backslash ? 1 : 0
})

// Of each object that is open: where its newest key stands. A scan is over before the next begins.
const keyFrom = new Int32Array(jsonDepthMax)
const keyTo = new Int32Array(jsonDepthMax)
const isObject = new Uint8Array(jsonDepthMax)

/**
 * Reads one JSON value in canonical form (RFC 8785) without building it; returns the byte after it, or -1. What it accepts
 * is canonical; what it refuses may be so all the same (keys beyond plain ASCII are not judged here), and parseCanonical
 * decides and says what is wrong. The value nests at most jsonDepthMax - `depthAbove` deep. Reads on to the end of
 * `bytes` where nothing stops it before: whether the value ends where it should is the caller's to check.
 */
export function skipCanonical(bytes: Uint8Array, from: number, depthAbove = 0): number {
  const depthMax = jsonDepthMax - depthAbove
  let at = from
  let depth = 0
  for (;;) {
    const first = bytes[at] as number
    if (first === quote) {
      at = skipString(bytes, at + 1)
    } else if (first === objectOpen || first === arrayOpen) {
      if (depth === depthMax) return -1
      at += 1
      const isEmpty = bytes[at] === (first === objectOpen ? objectClose : arrayClose)
      if (!isEmpty) {
        isObject[depth] = first === objectOpen ? 1 : 0
        depth += 1
        if (first === arrayOpen) continue
        keyFrom[depth - 1] = at + 1
        at = skipKey(bytes, at)
        if (at < 0) return -1
        keyTo[depth - 1] = at - 2
        continue
      }
      at += 1
    } else if (first === minus || (first >= zero && first <= nine)) {
      at = skipNumber(bytes, at)
    } else {
      at = skipWord(bytes, at)
    }
    if (at < 0) return -1
    // A value has ended: so do the objects and arrays it was the last of.
    for (;;) {
      if (depth === 0) return at
      const inObject = isObject[depth - 1] === 1
      const next = bytes[at]
      at += 1
      if (next === comma) {
        if (inObject) {
          const end = skipKey(bytes, at)
          if (end < 0 || !isAfter(bytes, at + 1, end - 2, keyFrom[depth - 1] as number, keyTo[depth - 1] as number))
            return -1
          keyFrom[depth - 1] = at + 1
          keyTo[depth - 1] = end - 2
          at = end
        }
        break
      }
      if (next !== (inObject ? objectClose : arrayClose)) return -1
      depth -= 1
    }
  }
}

/** From a key's quote to the byte after its colon; -1 where the key is not plain ASCII. */
export function skipKey(bytes: Uint8Array, from: number): number {
  if (bytes[from] !== quote) return -1
  let at = from + 1
  while (byteClass[bytes[at] as number] === 0) at += 1
  return bytes[at] === quote && bytes[at + 1] === colon ? at + 2 : -1
}

/** Does the first key sort after the second? In plain ASCII the order of bytes is that of UTF-16 units. */
export function isAfter(bytes: Uint8Array, from: number, to: number, beforeFrom: number, beforeTo: number): boolean {
  const length = Math.min(to - from, beforeTo - beforeFrom)
  for (let i = 0; i < length; i += 1) {
    const difference = (bytes[from + i] as number) - (bytes[beforeFrom + i] as number)
    if (difference !== 0) return difference > 0
  }
  return to - from > beforeTo - beforeFrom
}

/** From the byte after the opening quote to the byte after the closing one. */
function skipString(bytes: Uint8Array, from: number): number {
  let at = from
  for (;;) {
    while (byteClass[bytes[at] as number] === 0) at += 1
    const byte = bytes[at]
    if (byte === quote) return at + 1
    at = byte === backslash ? skipEscape(bytes, at + 1) : skipCharacter(bytes, at)
    if (at < 0) return -1
  }
}

const shortEscapes = new Set(Array.from('"\\bfnrt', (letter) => letter.charCodeAt(0)))
/** Second digits that \u000_ takes: the others have a short form. */
const [letterU, digit1] = [0x75, 0x31]
const lowerHex = new Set(Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0)))
const shortened = new Set(Array.from('89acd', (digit) => digit.charCodeAt(0)))

/** RFC 8785, 3.2.2.2: two letters where there are such; \u00 and two lower-case digits for other control characters. */
function skipEscape(bytes: Uint8Array, from: number): number {
  const letter = bytes[from] as number
  if (shortEscapes.has(letter)) return from + 1
  const [high, low] = [bytes[from + 3] as number, bytes[from + 4] as number]
  const isControl =
    letter === letterU &&
    bytes[from + 1] === zero &&
    bytes[from + 2] === zero &&
    ((high === zero && lowerHex.has(low) && !shortened.has(low)) || (high === digit1 && lowerHex.has(low)))
  return isControl ? from + 5 : -1
}

/** One character of two to four bytes: the well-formed ones of Unicode 16, table 3-7, hence no surrogate. */
function skipCharacter(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number
  const second = bytes[at + 1] as number
  if (first >= 0xc2 && first <= 0xdf) return isTrail(second) ? at + 2 : -1
  if (first >= 0xe0 && first <= 0xef) {
    const fits = second >= (first === 0xe0 ? 0xa0 : 0x80) && second <= (first === 0xed ? 0x9f : 0xbf)
    return fits && isTrail(bytes[at + 2] as number) ? at + 3 : -1
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const fits = second >= (first === 0xf0 ? 0x90 : 0x80) && second <= (first === 0xf4 ? 0x8f : 0xbf)
    return fits && isTrail(bytes[at + 2] as number) && isTrail(bytes[at + 3] as number) ? at + 4 : -1
  }
  return -1
}

const isTrail = (byte: number) => byte >= 0x80 && byte <= 0xbf

/** Digits of a whole number that are exact whatever they are. */
const exactDigits = 15
const numberBytesMax = 32

/** RFC 8785, 3.2.2.3: a number is written as ECMAScript writes it. */
function skipNumber(bytes: Uint8Array, from: number): number {
  let at = bytes[from] === minus ? from + 1 : from
  const digits = at
  while (isDigit(bytes[at] as number)) at += 1
  const isOne = at === digits + 1
  const hasLeadingZero = bytes[digits] === zero && (!isOne || digits !== from)
  const after = bytes[at] as number
  const isWhole = after !== 0x2e && after !== 0x65 && after !== 0x45
  if (isWhole && at > digits && at - digits <= exactDigits) return hasLeadingZero ? -1 : at
  let text = ''
  for (at = from; isOfNumber(bytes[at] as number); at += 1) {
    if (at - from === numberBytesMax) return -1
    text += String.fromCharCode(bytes[at] as number)
  }
  return String(Number(text)) === text && text !== '' ? at : -1
}

const isDigit = (byte: number) => byte >= zero && byte <= nine
const isOfNumber = (byte: number) => isDigit(byte) || byte === minus || byte === 0x2b || byte === 0x2e || byte === 0x65

const words = ['true', 'false', 'null'].map((word) => Uint8Array.from(word, (letter) => letter.charCodeAt(0)))

function skipWord(bytes: Uint8Array, at: number): number {
  for (const word of words) if (startsWith(bytes, at, word)) return at + word.length
  return -1
}

export function startsWith(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i += 1) if (bytes[at + i] !== text[i]) return false
  return true
}
