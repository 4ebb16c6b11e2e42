// SPDX-License-Identifier: Apache-2.0
// A mail server that keeps what it is sent.

import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createBell } from '@sealwatch/base'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { ownCertificate } from './receiver.ts'

export type Received = {
  readonly from: string
  readonly to: readonly string[]
  readonly user: string | undefined
  readonly isSecure: boolean
  readonly text: string
}

export type Mailbox = AsyncDisposable & {
  readonly port: number
  readonly caFile: string
  readonly ca: string
  readonly got: readonly Received[]
  /** Passwords that anybody showed, taken or not. */
  readonly shown: readonly string[]
  came(count: number): Promise<void>
}

export async function startMailbox(options: SMTPServerOptions = {}): Promise<Mailbox> {
  const { dir, key, caFile } = ownCertificate()
  const ca = readFileSync(caFile, 'utf8')
  const got: Received[] = []
  const shown: string[] = []
  const bell = createBell()
  const server = new SMTPServer({
    key: readFileSync(key),
    cert: ca,
    disableReverseLookup: true,
    onAuth: ({ username, password }, _session, done) => {
      shown.push(password ?? '')
      done(password === 'hunter2' ? null : new Error('no'), { user: username })
    },
    onData: (stream, { envelope, user, secure }, done) => {
      let text = ''
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8')
      })
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
        const to = envelope.rcptTo.map(({ address }) => address)
        got.push({ from, to, user: user === undefined ? undefined : String(user), isSecure: secure, text })
        done()
        bell.ring()
      })
    },
    ...options,
  })
  // Whoever goes away in the middle is no fault of the test.
  server.on('error', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  return {
    port: (server.server.address() as AddressInfo).port,
    caFile,
    ca,
    got,
    shown,
    came: async (count) => {
      while (got.length < count) await bell.wait(new AbortController().signal)
    },
    [Symbol.asyncDispose]: async () => {
      await new Promise<void>((done) => server.close(() => done()))
      rmSync(dir, { recursive: true })
    },
  }
}
