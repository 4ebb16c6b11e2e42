// SPDX-License-Identifier: Apache-2.0

/** In which an attack is no text to those that read bytes, and is to the service. */
export const strangeCharset = /^(?:utf-?7|utf-?16|utf-?32|ucs-?[24]|ibm|cp037)/i

/**
 * What of a text is ASCII, which is all that attacks are written in: of UTF-16 and UTF-32, in either order, what is left without the
 * zeros; of UTF-7 (RFC 2152) what stands between `+` and `-` in base64. `text` is latin1.
 */
export function asciiOf(text: string, charset: string): string {
  if (!/^utf-?7/i.test(charset)) return text.replace(/^(?:\xff\xfe|\xfe\xff)/, '').replaceAll('\0', '')
  return text.replace(/\+([A-Za-z0-9+/]*)-?/g, (_, encoded: string) =>
    encoded === '' ? '+' : Buffer.from(encoded, 'base64').toString('latin1').replaceAll('\0', ''),
  )
}
