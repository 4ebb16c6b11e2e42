// SPDX-License-Identifier: Apache-2.0
// Many WebSockets on a thread of their own, each no more than a socket whose frames are cut: what is measured is the server.

import { connect, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '@sealwatch/base'

export type Order = {
  readonly port: number
  readonly token: string
  readonly count: number
  /** Left out: they hear of everything. */
  readonly filter?: string
}
/** Of messages about lines: when they were there, whether they were alerts, and what of (`markForm`). */
export type Heard = { readonly atMs: number; readonly isAlert: boolean; readonly mark: string }
export type FromListeners = { readonly opened: true } | { readonly heard: readonly Heard[] }

/** Stands somewhere in each line that is told. */
export const markOf = (i: number) => `bench-${String(i).padStart(8, '0')}`
const markLength = markOf(0).length
const atOnce = 64
const tellEveryMs = 100
const bufferBytes = 64 * 1024
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])

let heard: Heard[] = []
if (parentPort !== null) {
  const port = parentPort
  const { count } = workerData as Order
  const sockets: Socket[] = []
  while (sockets.length < count)
    sockets.push(...(await Promise.all(Array.from({ length: Math.min(atOnce, count - sockets.length) }, listen))))
  port.postMessage({ opened: true } satisfies FromListeners)
  setInterval(() => {
    if (heard.length === 0) return
    port.postMessage({ heard } satisfies FromListeners)
    heard = []
  }, tellEveryMs)
}

/** Resolves once it is answered. */
function listen(): Promise<Socket> {
  const { port, token, filter } = workerData as Order
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  let rest: Buffer = Buffer.alloc(0)
  let isOpen = false
  const take = (piece: Buffer) => {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece])
    let from = 0
    if (!isOpen) {
      const end = bytes.indexOf('\r\n\r\n')
      if (end < 0 || !bytes.toString('latin1', 0, end).startsWith('HTTP/1.1 101'))
        return reject(new Error(bytes.toString('latin1', 0, 200)))
      isOpen = true
      from = end + 4
      resolve(socket)
    }
    for (let next = frameEnd(bytes, from); next <= bytes.length; next = frameEnd(bytes, from)) {
      hear(bytes, from, next)
      from = next
    }
    // The buffer is used again.
    rest = Buffer.from(bytes.subarray(from))
  }
  const buffer = Buffer.alloc(bufferBytes)
  const onread = {
    buffer,
    callback: (length: number) => {
      take(buffer.subarray(0, length))
      return true
    },
  }
  const socket: Socket = connect({ host: '127.0.0.1', port, noDelay: true, onread })
  socket.once('error', reject)
  socket.once('close', () => reject(new Error('a feed ended')))
  const lines = [
    `GET /api/v1/feed${filter === undefined ? '' : `?filter=${encodeURIComponent(filter)}`} HTTP/1.1`,
    `Host: localhost:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    `Authorization: Bearer ${token}`,
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  return promise

  function hear(bytes: Buffer, from: number, end: number): void {
    if (bytes[from] === 0x89) return void socket.write(pong)
    // `{"type":"alert"` and `{"type":"event"`; a head says nothing of one line.
    const mark = bytes.subarray(from, end).indexOf('bench-')
    if (mark < 0) return
    const isAlert = bytes.subarray(from, Math.min(end, from + 32)).includes('"alert"')
    const at = from + mark
    heard.push({ atMs: systemClock.nowMs(), isAlert, mark: bytes.toString('latin1', at, at + markLength) })
  }
}

/** Where the frame ends that begins there, as a server sends it (RFC 6455, 5.2); infinity while its head is not whole. */
function frameEnd(bytes: Buffer, from: number): number {
  const short = (bytes[from + 1] ?? 0) & 0x7f
  const head = short === 127 ? 10 : short === 126 ? 4 : 2
  if (bytes.length < from + head) return Number.POSITIVE_INFINITY
  const length =
    short === 127 ? Number(bytes.readBigUInt64BE(from + 2)) : short === 126 ? bytes.readUInt16BE(from + 2) : short
  return from + head + length
}
