// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from 'node:buffer'

function readComm(bytes: Buffer, at: number): string {
  const comm = bytes.subarray(at, at + commBytes)
  const end = comm.indexOf(0)
  return showText(end < 0 ? comm : comm.subarray(0, end))
}

/** The arguments as the kernel laid them out: each ends in a NUL, the last perhaps not when it was cut. */
function splitArgv(argv: Buffer): string[] {
  if (argv.length === 0) return []
  const whole = argv[argv.length - 1] === 0 ? argv.subarray(0, -1) : argv
  return showText(whole).split('\0')
}

/** Names are bytes to Linux. What is not UTF-8 shows as \xNN; whoever prints a text escapes its control characters. */
function showText(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.utf8Slice()
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((n) => at + n <= bytes.length && isUtf8(bytes.subarray(at, at + n)))
    text += length === undefined ? `\\x${bytes.hexSlice(at, at + 1)}` : bytes.utf8Slice(at, at + length)
    at += length ?? 1
  }
  return text
}

