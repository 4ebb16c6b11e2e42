// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect } from 'node:tls'
import { systemClock as clock } from '@sealwatch/base'
import { secondsSince } from '../figure.ts'

/** By a key that both have beforehand: what is measured is how fast a service is, not whose it is. */
export const suite = { ciphers: 'PSK-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' } as const
export const psk = Buffer.alloc(16, 0x5a)
const echoBytes = 1024

export type Echo = {
  readonly pid: number
  /** Nothing of it is read. */
  readonly address: '0'
  /** One after the other, for so long. */
  echo(ms: number): Promise<{ readonly count: number; readonly seconds: number }>
} & AsyncDisposable

/** A service in a process of its own, run by this `node`. */
export async function startEcho(node: string): Promise<Echo> {
  const child = spawn(node, [join(import.meta.dirname, 'echo-server.ts')], { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the echo service ended')))
  ended.catch(() => undefined)
  const [port] = (await Promise.race([once(createInterface(child.stdout), 'line'), ended])) as [string]
  const socket = connect({
    ...suite,
    host: '127.0.0.1',
    port: Number(port),
    checkServerIdentity: () => undefined,
    pskCallback: () => ({ psk, identity: 'bench' }),
  })
  await once(socket, 'secureConnect')
  socket.setNoDelay(true)
  const bytes = Buffer.alloc(echoBytes, 'x')
  let due = 0
  let answered = Promise.withResolvers<void>()
  socket.on('data', (chunk: Buffer) => {
    due -= chunk.length
    if (due === 0) answered.resolve()
  })
  return {
    pid: child.pid as number,
    address: '0',
    echo: async (ms) => {
      const startNs = clock.monotonicNs()
      let count = 0
      for (; secondsSince(startNs) * 1000 < ms; count += 1) {
        due = echoBytes
        answered = Promise.withResolvers()
        socket.write(bytes)
        await answered.promise
      }
      return { count, seconds: secondsSince(startNs) }
    },
    [Symbol.asyncDispose]: async () => {
      socket.destroy()
      child.kill('SIGKILL')
      await ended.catch(() => undefined)
    },
  }
}
