// SPDX-License-Identifier: Apache-2.0

/**
 * Text in UTF-16 or UTF-32 as UTF-8, without its mark; undefined where it is in neither. Parsers of JSON and XML find out by the
 * first bytes, whatever a header says (RFC 4627, 3; XML 1.0, F.1): their first character is ASCII, so where its zeros stand tells.
 * Of what is longer than `bytesMax` the beginning.
 */
export function narrowed(bytes: Buffer, bytesMax: number): Buffer | undefined {
  const units = unitsOf(bytes)
  if (units === undefined) return undefined
  const length = Math.min(bytes.length, bytesMax)
  const text = units.read(bytes.subarray(0, length - (length % units.bytes)))
  return Buffer.from(text.replace(/^\ufeff/, ''))
}

type Units = { readonly bytes: 2 | 4; readonly read: (bytes: Buffer) => string }

const sixteenLittle: Units = { bytes: 2, read: (bytes) => bytes.toString('utf16le') }
const sixteenBig: Units = { bytes: 2, read: (bytes) => Buffer.from(bytes).swap16().toString('utf16le') }
const thirtyTwo = (read: (bytes: Buffer, at: number) => number): Units => ({
  bytes: 4,
  read(bytes) {
    let text = ''
    for (let at = 0; at < bytes.length; at += 4) {
      const code = read(bytes, at)
      text += code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code)
    }
    return text
  },
})
const thirtyTwoLittle = thirtyTwo((bytes, at) => bytes.readUInt32LE(at))
const thirtyTwoBig = thirtyTwo((bytes, at) => bytes.readUInt32BE(at))

/** Of the first four bytes: the mark, or where the zeros of ASCII stand. */
const shapes: readonly (readonly [RegExp, Units])[] = [
  [/^\xff\xfe\0\0|^[^\0]\0\0\0/, thirtyTwoLittle],
  [/^\0\0\xfe\xff|^\0\0\0[^\0]/, thirtyTwoBig],
  [/^\xff\xfe|^[^\0]\0[^\0]/, sixteenLittle],
  [/^\xfe\xff|^\0[^\0]/, sixteenBig],
]

function unitsOf(bytes: Buffer): Units | undefined {
  const head = bytes.toString('latin1', 0, 4)
  return shapes.find(([shape]) => shape.test(head))?.[1]
}
