// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from 'node:buffer'

/** Names are bytes to Linux. What is not UTF-8 shows as \xNN; whoever prints a text escapes its control characters. */
export function showText(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString()
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((n) => at + n <= bytes.length && isUtf8(bytes.subarray(at, at + n)))
    text += length === undefined ? `\\x${bytes.toString('hex', at, at + 1)}` : bytes.toString('utf8', at, at + length)
    at += length ?? 1
  }
  return text
}

export function showComm(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return showText(end < 0 ? bytes : bytes.subarray(0, end))
}

/** Arguments as the kernel laid them out: each ends in a NUL, the last perhaps not when it was cut. */
export function splitArgv(bytes: Buffer): string[] {
  if (bytes.length === 0) return []
  const isWhole = bytes[bytes.length - 1] === 0
  return showText(isWhole ? bytes.subarray(0, -1) : bytes).split('\0')
}
