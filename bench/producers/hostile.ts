// SPDX-License-Identifier: Apache-2.0
// A service that has a token and means no good, in a process of its own: `node bench/producers/hostile.ts`, and what it is to
// do as JSON on standard input.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import process, { execPath } from 'node:process'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { systemClock as clock } from '@sealwatch/base'
import type { SignedRows } from '@sealwatch/contract'
import { framed, posted, submitHeaders } from './connections.ts'
import type { LoadService, Where } from './load.ts'

/** `flood`: as fast as it can, requests of a hundred signatures that hold for nothing. `slow`: it begins and never ends. */
export type Attack = { readonly kind: 'flood' | 'slow'; readonly at: 'grpc' | 'rest' }
export const attacks: readonly Attack[] = (['flood', 'slow'] as const).flatMap((kind) => [
  { kind, at: 'grpc' },
  { kind, at: 'rest' },
])
export type Hostile = Attack & Where & { readonly service: LoadService }

/** Of its own, as another machine has. */
const own = { localAddress: '127.0.0.2' }
const connections = 32
const callsEach = 4
const trickleMs = 50

/**
 * Runs when it is returned. It has what the others leave of the processors (SCHED_IDLE, sched(7)): elsewhere it would have its
 * own, and what is to be measured is the server and not who of all is scheduled.
 */
export async function startHostile(what: Hostile): Promise<{ stop(): Promise<void> }> {
  const path = import.meta.filename
  const child = spawn('chrt', ['--idle', '0', execPath, '--disable-warning=ExperimentalWarning', path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  child.stdin.end(JSON.stringify(what))
  await Promise.race([once(child.stdout, 'data'), ended])
  return {
    stop: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

const submissions = (): SignedRows[] =>
  Array.from({ length: 100 }, () => ({
    ...({ id: crypto.randomUUID(), form: 'detached', payload: Buffer.from('x'), payloadType: 'text/plain' } as const),
    ...{ keyId: 'hostile', algorithm: 'ed25519', signature: new Uint8Array(64) },
  }))

const trickle = (each: () => unknown) => {
  const timer = setInterval(each, trickleMs)
  return () => clearInterval(timer)
}

function overGrpc({ kind, port, ca, service }: Hostile): void {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca, ...own })
  session.on('error', () => undefined).on('close', () => setTimeout(() => overGrpc(what), 100))
  const begin = () => {
    if (session.destroyed) return
    const call = session.request(submitHeaders(service.token))
    // It has been told when to come again, and does not listen.
    call.on('error', () => undefined).on('close', () => setTimeout(begin, 1))
    if (kind === 'flood') return void call.end(framed(submissions())).resume()
    // A length, and then a byte now and then; what is answered is not read.
    call.write(Buffer.of(0, 0, 0x10, 0, 0, 0x0a, 0xff, 0xff, 0x3f))
    call.once(
      'close',
      trickle(() => call.writable && call.write(Buffer.of(0x0a))),
    )
  }
  for (let i = 0; i < callsEach; i += 1) begin()
}

function overRest({ kind, apiPort, ca, service }: Hostile): void {
  const socket = connectTls({ host: '127.0.0.1', port: apiPort, ca, servername: 'localhost', ...own })
  socket.on('error', () => undefined).on('close', () => setTimeout(() => overRest(what), 100))
  const begin = () => socket.write(posted(submissions(), service.token, apiPort))
  socket.once('secureConnect', () => {
    if (kind === 'flood') {
      // The next one is on its way before the last is answered.
      begin()
      return void socket.on('data', begin)
    }
    const request = posted(submissions(), service.token, apiPort)
    socket.write(request.subarray(0, 1024))
    socket.once(
      'close',
      trickle(() => socket.write(' ')),
    )
  })
}

const what =
  process.argv[1] === import.meta.filename ? (JSON.parse(await text(process.stdin)) as Hostile) : (undefined as never)
if (what !== undefined) {
  for (let i = 0; i < (what.at === 'grpc' ? connections : connections * callsEach); i += 1)
    (what.at === 'grpc' ? overGrpc : overRest)(what)
  await clock.sleep(500)
  process.stdout.write('begun\n')
}
