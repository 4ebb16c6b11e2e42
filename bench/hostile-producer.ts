// SPDX-License-Identifier: Apache-2.0
// A service that has a token and means no good, in a process of its own: `node bench/hostile-producer.ts`, and what it is to
// do as JSON on standard input.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:http2'
import process, { execPath } from 'node:process'
import { text } from 'node:stream/consumers'
import { systemClock as clock } from '@sealwatch/base'
import { grpcSender, type Sender } from '@sealwatch/producer'

export type Hostile = {
  /** `floods`: as fast as it can, requests of a hundred signatures that hold for nothing. `is slow`: it begins and never ends. */
  readonly kind: 'floods' | 'is slow'
  readonly url: string
  readonly ca: string
  readonly token: string
}

const connections = 32
const callsEach = 4

/** Runs when it is returned. It yields the processors to the others: elsewhere it would have its own. */
export async function startHostile(what: Hostile): Promise<{ stop(): Promise<void> }> {
  const path = import.meta.filename
  const child = spawn('nice', ['-n', '19', execPath, '--disable-warning=ExperimentalWarning', path], {
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

async function flood(send: Sender): Promise<never> {
  for (;;) {
    const submissions = Array.from({ length: 100 }, () => ({
      ...({ id: crypto.randomUUID(), form: 'detached', payload: Buffer.from('x'), payloadType: 'text/plain' } as const),
      ...{ keyId: 'hostile', algorithm: 'ed25519', signature: new Uint8Array(64) },
    }))
    // It has been told when to come again, and does not listen.
    await send(submissions, new AbortController().signal).catch(() => clock.sleep(1))
  }
}

function hold({ url, ca, token }: Hostile): void {
  const session = connect(url, { ca })
  session.on('error', () => undefined)
  const begin = () => {
    const call = session.request({
      ':method': 'POST',
      ':path': '/sealwatch.ingest.v1.IngestService/Submit',
      'content-type': 'application/grpc',
      authorization: `Bearer ${token}`,
    })
    call.on('error', () => undefined).on('close', () => session.destroyed || setTimeout(begin, 100))
    // A length, and then a byte now and then; what is answered is not read.
    call.write(Buffer.of(0, 0, 0x10, 0, 0, 0x0a, 0xff, 0xff, 0x3f))
    const trickle = setInterval(() => call.writable && call.write(Buffer.of(0x0a)), 50)
    call.once('close', () => clearInterval(trickle))
  }
  for (let i = 0; i < callsEach; i += 1) begin()
}

if (process.argv[1] === import.meta.filename) {
  const what = JSON.parse(await text(process.stdin)) as Hostile
  for (let i = 0; i < connections; i += 1) {
    if (what.kind === 'is slow') hold(what)
    else
      for (let j = 0; j < callsEach; j += 1) {
        const { url, ca, token } = what
        void flood(grpcSender({ url, ca, token: () => token }))
      }
  }
  process.stdout.write('begun\n')
}
