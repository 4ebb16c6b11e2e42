// SPDX-License-Identifier: Apache-2.0
// Requests by HTTP/1.1 over standing connections, with no more work for each than it takes to know that it was answered.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { systemClock } from '@sealwatch/base'

export type Reads = Disposable & {
  /** Resolves with the status, on whichever connection is free first. */
  get(path: string, token: string): Promise<number>
  /**
   * Asks at a steady rate, whether the answers before are there or not. Milliseconds from when each was due to the end of its
   * answer; rejects where one is not 200.
   */
  paced(
    pace: { readonly perSecond: number; readonly seconds: number },
    request: (i: number) => readonly [path: string, token: string],
  ): Promise<Float64Array>
}

type Asked = { readonly text: string; readonly done: (status: number) => void; readonly failed: (error: Error) => void }
const headEnd = Buffer.from('\r\n\r\n')
const lengthName = Buffer.from('content-length: ')
const bufferBytes = 64 * 1024
const everyMs = 2

export async function openReads(port: number, connections: number): Promise<Reads> {
  const sockets: Socket[] = []
  const free: Socket[] = []
  const underWay = new Map<Socket, Asked>()
  const waiting: Asked[] = []
  for (let i = 0; i < connections; i += 1) {
    const buffer = Buffer.alloc(bufferBytes)
    let rest: Buffer = Buffer.alloc(0)
    const callback = (length: number) => {
      const piece = buffer.subarray(0, length)
      const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece])
      const end = answerEnd(bytes)
      rest = bytes.length < end ? Buffer.from(bytes) : Buffer.alloc(0)
      if (bytes.length >= end) answered(socket, Number(bytes.toString('latin1', 9, 12)))
      return true
    }
    const socket: Socket = connect({ host: '127.0.0.1', port, noDelay: true, onread: { buffer, callback } })
    const broken = (error = new Error('a connection was closed')) => underWay.get(socket)?.failed(error)
    socket.on('error', broken).on('close', () => broken())
    await once(socket, 'connect')
    sockets.push(socket)
    free.push(socket)
  }

  function answered(socket: Socket, status: number): void {
    const asked = underWay.get(socket)
    underWay.delete(socket)
    const next = waiting.shift()
    if (next === undefined) free.push(socket)
    else send(socket, next)
    asked?.done(status)
  }
  function send(socket: Socket, asked: Asked): void {
    underWay.set(socket, asked)
    socket.write(asked.text, 'latin1')
  }
  function ask(path: string, token: string, done: Asked['done'], failed: Asked['failed']): void {
    const text = `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: Bearer ${token}\r\n\r\n`
    // In turn, so that none stays idle until the server closes it.
    const socket = free.shift()
    if (socket === undefined) waiting.push({ text, done, failed })
    else send(socket, { text, done, failed })
  }

  return {
    get: (path, token) => new Promise((resolve, reject) => ask(path, token, resolve, reject)),
    paced: async ({ perSecond, seconds }, request) => {
      const all = Promise.withResolvers<Float64Array>()
      const latenciesMs = new Float64Array(perSecond * seconds)
      const beginMs = performance.now()
      let left = latenciesMs.length
      for (let i = 0; i < latenciesMs.length; ) {
        const dueCount = Math.min(latenciesMs.length, Math.floor(((performance.now() - beginMs) * perSecond) / 1000))
        for (; i < dueCount; i += 1) {
          const at = i
          const done = (status: number) => {
            if (status !== 200) all.reject(new Error(`a read was answered ${status}`))
            latenciesMs[at] = performance.now() - beginMs - (1000 * at) / perSecond
            left -= 1
            if (left === 0) all.resolve(latenciesMs)
          }
          ask(...request(i), done, all.reject)
        }
        await systemClock.sleep(everyMs)
      }
      return all.promise
    },
    [Symbol.dispose]: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Where the answer ends; infinity while its head is not whole. */
function answerEnd(bytes: Buffer): number {
  const head = bytes.indexOf(headEnd)
  const from = bytes.indexOf(lengthName)
  if (head < 0 || from < 0) return Number.POSITIVE_INFINITY
  return head + headEnd.length + Number.parseInt(bytes.toString('latin1', from + lengthName.length, head), 10)
}
