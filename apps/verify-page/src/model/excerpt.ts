// SPDX-License-Identifier: Apache-2.0

import type { BundleFile } from './evidence.ts'

const excerptBytesMax = 600
const newline = 0x0a

/** The beginning of a line of the file, from 1, whatever stands there; empty behind the last. */
export async function excerptOf(file: BundleFile, fileLine: number): Promise<string> {
  const reader = file.stream().getReader()
  const found: Uint8Array[] = []
  let bytes = 0
  let line = 1
  try {
    for (let next = await reader.read(); !next.done && line <= fileLine; next = await reader.read()) {
      const chunk = next.value
      let from = 0
      for (let end = chunk.indexOf(newline); line < fileLine && end >= 0; end = chunk.indexOf(newline, from)) {
        from = end + 1
        line += 1
      }
      if (line < fileLine) continue
      const end = chunk.indexOf(newline, from)
      const piece = chunk.subarray(from, end < 0 ? chunk.length : end)
      found.push(piece.slice(0, excerptBytesMax - bytes))
      bytes += piece.length
      if (end >= 0 || bytes >= excerptBytesMax) break
    }
  } finally {
    await reader.cancel()
  }
  const text = found.map((piece) => utf8.decode(piece, { stream: true })).join('') + utf8.decode()
  return bytes > excerptBytesMax ? `${text}…` : text
}

const utf8 = new TextDecoder()
