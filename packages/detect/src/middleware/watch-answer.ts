// SPDX-License-Identifier: Apache-2.0

import type { ServerResponse } from 'node:http'

const textual = /^(?:text\/(?!css|javascript)|application\/(?:[\w.-]+\+)?(?:json|xml))/i

/**
 * Calls back when an answer is out, or its reader gone, with the beginning of what it says, latin1; '' where it is compressed or no
 * text. The answer is neither held up nor changed.
 */
export function watchAnswer(response: ServerResponse, bytesMax: number, done: (beginning: string) => unknown): void {
  const pieces: Buffer[] = []
  let bytes = 0
  function see(piece: unknown, encoding: unknown): void {
    if (bytes >= bytesMax || (typeof piece !== 'string' && !(piece instanceof Uint8Array))) return
    const seen =
      typeof piece === 'string'
        ? Buffer.from(piece.slice(0, bytesMax), isEncoding(encoding) ? encoding : 'utf8')
        : Buffer.from(piece.buffer, piece.byteOffset, Math.min(piece.byteLength, bytesMax))
    pieces.push(seen)
    bytes += seen.length
  }
  for (const name of bytesMax === 0 ? [] : (['write', 'end'] as const)) {
    const through = response[name] as (...given: unknown[]) => unknown
    const seen = (...given: unknown[]) => {
      see(given[0], given[1])
      return through.apply(response, given)
    }
    Object.assign(response, { [name]: seen })
  }
  response.once('close', () => {
    const type = response.getHeader('content-type')
    const isText = type === undefined || textual.test(String(type))
    const isPlain = response.getHeader('content-encoding') === undefined
    done(isText && isPlain ? Buffer.concat(pieces).toString('latin1', 0, bytesMax) : '')
  })
}

const isEncoding = (given: unknown): given is BufferEncoding => typeof given === 'string' && Buffer.isEncoding(given)
