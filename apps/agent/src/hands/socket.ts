// SPDX-License-Identifier: Apache-2.0
// The socket at which the guard commands (docs/formats/orders.md, 4).

import type { Socket } from 'node:net'
import { type Clock, type Log, openPeerCredentials, openStandingSocket } from '@sealwatch/base'
import type { Answer, Hands, Hello } from './hands.ts'

export const socketLimits = {
  connectionsMax: 4,
  lineBytesMax: 256 * 1024,
  sparedMax: 4_096,
  /** Answers that somebody does not read. */
  unreadBytesMax: 256 * 1024,
} as const

export type HandsSocket = { close(): void }

export type HandsSocketOptions = {
  readonly path: string
  readonly guardUid: number
  readonly hands: Hands
  readonly bootNs: () => bigint
  readonly clock: Clock
  readonly log: Log
}

/** Resolves when the guard can connect. */
export async function listenForGuard(options: HandsSocketOptions): Promise<HandsSocket> {
  const { path, guardUid, hands, bootNs, clock, log } = options
  const peerOf = openPeerCredentials()
  const open = new Set<Socket>()
  const accept = (socket: Socket) => {
    socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket))
    const peer = peerOf(socket)
    if (peer?.uid !== guardUid || open.size >= socketLimits.connectionsMax) {
      log.error('somebody else than the guard came to the hands, or too many did', { ...peer, open: open.size })
      socket.destroy()
      return
    }
    open.add(socket)
    serve(socket)
  }

  function say(socket: Socket, what: Answer | Hello): void {
    if (socket.destroyed) return
    if (socket.writableLength > socketLimits.unreadBytesMax) socket.destroy()
    else socket.write(`${JSON.stringify(what)}\n`)
  }
  const sayHello = () => {
    for (const socket of open) say(socket, hands.hello())
  }

  function serve(socket: Socket): void {
    say(socket, hands.hello())
    let rest: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      const receivedNs = bootNs()
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      for (let end = rest.indexOf(0x0a); end !== -1; end = rest.indexOf(0x0a)) {
        const line = rest.subarray(0, end)
        rest = rest.subarray(end + 1)
        if (end > socketLimits.lineBytesMax || !take(socket, line, receivedNs)) return endWith(socket)
      }
      if (rest.length > socketLimits.lineBytesMax) endWith(socket)
    })
  }

  function endWith(socket: Socket): void {
    log.error('the guard said what is no line of the protocol')
    socket.destroy()
  }

  /** Whether it is of the form. */
  function take(socket: Socket, line: Buffer, receivedNs: bigint): boolean {
    const said = objectOf(line)
    const [member, ...more] = Object.keys(said ?? {})
    if (said === undefined || member === undefined || more.length > 0) return false
    const value = said[member]
    if (member === 'command' && typeof value === 'string') {
      hands.command(value, receivedNs).then((answer) => say(socket, answer), broken)
      return true
    }
    if (member === 'order' && typeof value === 'string') {
      hands.order(value).then(sayHello, broken)
      return true
    }
    const list = member === 'spare' ? sparedIn(value) : undefined
    if (list !== undefined) hands.spare(list)
    return list !== undefined
  }

  /** What is no refusal is ours to find out about: this process ends, and begins anew. */
  const broken = (error: unknown) =>
    queueMicrotask(() => {
      throw error
    })

  const standing = await openStandingSocket({ path, mode: 0o666, take: accept, clock })
  return {
    close: () => {
      standing.close()
      for (const socket of open) socket.destroy()
    },
  }
}

function objectOf(line: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

const startForm = /^(?:0|[1-9][0-9]{0,18})$/

function sparedIn(value: unknown): (readonly [number, bigint])[] | undefined {
  if (!Array.isArray(value) || value.length > socketLimits.sparedMax) return undefined
  const isOne = (one: unknown) =>
    Array.isArray(one) && one.length === 2 && Number.isSafeInteger(one[0]) && startForm.test(String(one[1]))
  return value.every(isOne) ? value.map(([pid, startNs]) => [pid as number, BigInt(startNs as string)]) : undefined
}
