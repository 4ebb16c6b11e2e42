// SPDX-License-Identifier: Apache-2.0
// A webhook's other side, by TLS, which verifies by itself what it is sent.

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBell } from '@sealwatch/base'

export type Received = {
  readonly path: string
  readonly id: string
  readonly time: string
  readonly signature: string
  readonly body: string
}

export type Receiver = AsyncDisposable & {
  readonly origin: string
  readonly caFile: string
  readonly ca: string
  readonly got: readonly Received[]
  /** Resolves once as many came. */
  came(count: number): Promise<void>
}

/** Of 127.0.0.1, by itself, in a folder of its own. */
export function ownCertificate(): { readonly dir: string; readonly key: string; readonly caFile: string } {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-receiver-'))
  const [key, caFile] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
  const subject = ['-subj', '/CN=receiver', '-addext', 'subjectAltName=IP:127.0.0.1']
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
  execFileSync('openssl', ['req', '-x509', '-nodes', ...curve, '-keyout', key, '-out', caFile, ...subject], {
    stdio: 'ignore',
  })
  return { dir, key, caFile }
}

export async function startReceiver(
  answer: (response: ServerResponse, received: Received, count: number) => void = (response) => response.end(),
): Promise<Receiver> {
  const { dir, key, caFile } = ownCertificate()
  const got: Received[] = []
  const bell = createBell()
  const forever = new AbortController().signal
  const ca = readFileSync(caFile, 'utf8')
  const server = createServer({ key: readFileSync(key), cert: ca }, async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const header = (name: string) => String(request.headers[name])
    const received = {
      path: request.url ?? '',
      id: header('webhook-id'),
      time: header('webhook-timestamp'),
      signature: header('webhook-signature'),
      body,
    }
    got.push(received)
    answer(response, received, got.length)
    bell.ring()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caFile,
    ca,
    got,
    came: async (count) => {
      while (got.length < count) await bell.wait(forever)
    },
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      rmSync(dir, { recursive: true })
    },
  }
}

/** As a receiver would, by Web Crypto and the words of the specification. */
export async function isGenuine(secret: string, { id, time, signature, body }: Received): Promise<boolean> {
  const bytes = Uint8Array.from(atob(secret.split('_')[1] ?? ''), (char) => char.charCodeAt(0))
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
  const signed = new TextEncoder().encode(`${id}.${time}.${body}`)
  for (const one of signature.split(' ')) {
    const [version, text = ''] = one.split(',')
    const mac = Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
    if (version === 'v1' && (await crypto.subtle.verify('HMAC', key, mac, signed))) return true
  }
  return false
}
