// SPDX-License-Identifier: Apache-2.0

import { detectError } from '../../errors.ts'
import { type RequestContext, readContext } from '../context.ts'

const requestLine = /^(\S+) (\S+)(?: HTTP\/(\d(?:\.\d)?))?$/

/**
 * A request as HTTP/1.1 writes it (RFC 9112), its body as it follows, with no transfer coding. A line that goes on in the next
 * stays as it is within the value, so that what judges sees it. Throws SealwatchError CONTEXT_SHAPE or CONTEXT_TOO_LARGE.
 */
export function contextOfHttp(bytes: Uint8Array, address: string): RequestContext {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { head, body } = partsOf(text)
  const [first = '', ...lines] = head.split(/\r?\n/)
  const [, method, target, version = '1.1'] = requestLine.exec(first) ?? []
  if (method === undefined || target === undefined) throw shape('the request line', first)
  const cut = target.indexOf('?')
  return readContext({
    method,
    path: cut < 0 ? target : target.slice(0, cut),
    query: cut < 0 ? '' : target.slice(cut + 1),
    version,
    headers: headersOf(lines),
    body,
    address,
  })
}

function partsOf(bytes: Buffer): { readonly head: string; readonly body: Uint8Array } {
  const ends = ['\r\n\r\n', '\n\n'].map((end) => ({ at: bytes.indexOf(end), length: end.length }))
  const end = ends.filter(({ at }) => at >= 0).sort((one, other) => one.at - other.at)[0]
  if (end === undefined) return { head: bytes.toString('latin1').replace(/\r?\n$/, ''), body: new Uint8Array() }
  return { head: bytes.toString('latin1', 0, end.at), body: bytes.subarray(end.at + end.length) }
}

function headersOf(lines: readonly string[]): readonly (readonly [string, string])[] {
  const headers: [string, string][] = []
  for (const line of lines) {
    const last = headers.at(-1)
    if (last !== undefined && /^[ \t]/.test(line)) {
      last[1] += `\r\n${line}`
      continue
    }
    const colon = line.indexOf(':')
    if (colon <= 0) throw shape('a header', line)
    headers.push([line.slice(0, colon), line.slice(colon + 1).trim()])
  }
  return headers
}

const shape = (what: string, received: string) =>
  detectError('CONTEXT_SHAPE', {
    attempted: `reading ${what} of a request to judge`,
    received,
    advice: 'Hand over a request as HTTP/1.1 writes it: `GET /path?query HTTP/1.1`, headers, an empty line, the body',
  })
