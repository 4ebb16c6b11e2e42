// SPDX-License-Identifier: Apache-2.0

/** Standard base64 with padding, and only the one way of writing it: the unused bits are zero. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (/\s/.test(text)) return undefined
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: 'strict' })
  } catch {
    return undefined
  }
}
