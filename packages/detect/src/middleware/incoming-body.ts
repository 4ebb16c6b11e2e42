// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from 'node:http'
import type { Clock } from '@sealwatch/base'

export type SeenBody = {
  readonly bytes: Buffer
  /** `more`: beyond the limit there is more to come. `late`: it was not there in time. `gone`: its client is. `taken`: somebody has read it. */
  readonly end: 'whole' | 'more' | 'late' | 'gone' | 'taken'
}
const nothing = (end: SeenBody['end']): Promise<SeenBody> => Promise.resolve({ bytes: Buffer.alloc(0), end })

/** A request of HTTP/2 may have a body without saying so (RFC 9113, 8.1.1): of that, the end of its headers says whether there is one. */
type Incoming = IncomingMessage & { readonly stream?: { readonly endAfterHeaders?: boolean } }
const isPulled = ({ httpVersionMajor }: IncomingMessage) => httpVersionMajor > 1

/** RFC 9112, 6.3 */
const hasBody = (request: Incoming) =>
  isPulled(request)
    ? request.stream?.endAfterHeaders !== true
    : request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0

type Bounds = { readonly bodyBytesMax: number; readonly bodyMsMax: number }

/**
 * What comes of a body, as far as the limit. Nothing of it is taken: whoever reads the request afterwards finds all of it, and its end.
 * So it is seen where node pushes it into the stream; the stream would stop at 64 KiB, and is kept going up to the limit.
 */
export function seeBody(
  request: IncomingMessage,
  { bodyBytesMax, bodyMsMax }: Bounds,
  clock: Clock,
): Promise<SeenBody> {
  if (!hasBody(request)) return nothing('whole')
  if (request.readableDidRead) return nothing('taken')
  const { promise, resolve } = Promise.withResolvers<SeenBody>()
  const over = new AbortController()
  const pieces: Buffer[] = []
  let bytes = 0

  function finish(end: SeenBody['end']): void {
    if (over.signal.aborted) return
    over.abort()
    Reflect.deleteProperty(request, 'push')
    request.off('close', left)
    resolve({ bytes: Buffer.concat(pieces).subarray(0, bodyBytesMax), end })
  }
  const left = () => finish('gone')
  function see(piece: Buffer): void {
    pieces.push(piece)
    bytes += piece.length
    if (bytes >= bodyBytesMax) finish(request.complete ? 'whole' : 'more')
  }

  // What came before we did.
  const early = request.readableLength > 0 ? (request.read() as Buffer | null) : null
  if (early !== null) {
    request.unshift(early)
    see(early)
  }
  if (request.complete) finish('whole')
  if (request.destroyed) finish('gone')
  if (over.signal.aborted) return promise
  request.push = (piece: Buffer | null, encoding?: BufferEncoding) => {
    if (piece === null) finish('whole')
    else see(piece)
    const isWanted = Object.getPrototypeOf(request).push.call(request, piece, encoding) as boolean
    return isWanted || !over.signal.aborted
  }
  request.once('close', left)
  // Of HTTP/2 nothing is pushed before somebody asks for it; of HTTP/1 nothing more where what came before us has filled the stream.
  if (isPulled(request)) request.read(0)
  else if (request.socket.isPaused()) request.socket.resume()
  void clock.sleep(bodyMsMax, over.signal).then(() => finish('late'))
  return promise
}
