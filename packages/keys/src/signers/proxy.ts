// SPDX-License-Identifier: Apache-2.0

import { readFile } from 'node:fs/promises'
import { Agent as PlainAgent } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import { type Clock, isSealwatchError, messageOf } from '@sealwatch/base'
import { type AuditAlgorithm, algorithmRow, auditKeyId, auditPublicKey } from './algorithms.ts'
import type { ProxyAuth } from './choose.ts'
import { within } from './deadline.ts'
import { signerError } from './errors.ts'
import { materialOf, secretFile } from './material.ts'
import { type Answer, callProxy, type ProxyConnection } from './proxy-call.ts'
import { type AuditSigner, checkMessage } from './signer.ts'

export type ProxyOptions = {
  readonly algorithm: AuditAlgorithm
  /** Without a slash at its end. */
  readonly url: string
  readonly auth: ProxyAuth
  readonly caFile: string | undefined
  readonly required: boolean
  readonly clock: Clock
}

const callMs = 10_000

/** The client of docs/formats/signing-proxy.md. Reads certificates and API key; the rest can wait. */
export async function prepareProxy(options: ProxyOptions): Promise<(signal: AbortSignal) => Promise<AuditSigner>> {
  const connection = await connectionOf(options)
  return (signal) => openProxy(options, connection, signal)
}

async function connectionOf({ url, auth, caFile, required }: ProxyOptions): Promise<ProxyConnection> {
  const ca = caFile === undefined ? {} : { ca: await pemFile(caFile, 'SIGNING_PROXY_CA_FILE') }
  const own =
    auth.kind === 'api-key'
      ? {}
      : {
          cert: await pemFile(auth.certFile, 'SIGNING_PROXY_CLIENT_CERT_FILE'),
          key: (await secretFile(auth.keyFile, 'SIGNING_PROXY_CLIENT_KEY_FILE', required)).reveal(),
        }
  const pool = { keepAlive: true, maxSockets: 4 }
  const isPlain = url.startsWith('http:')
  const agent = isPlain ? new PlainAgent(pool) : new TlsAgent({ ...pool, ...ca, ...own, minVersion: 'TLSv1.3' })
  const apiKey = auth.kind === 'mtls' ? undefined : await materialOf(auth.apiKey, 'SIGNING_PROXY_API_KEY', required)
  return { url, agent, apiKey }
}

const pemFile = (path: string, variable: string) =>
  readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const attempted = `reading ${path}, which ${variable} names`
    throw signerError('SIGNER_KEY_UNREADABLE', { attempted, received: cause.code, cause })
  })

async function openProxy(
  options: ProxyOptions,
  connection: ProxyConnection,
  signal: AbortSignal,
): Promise<AuditSigner> {
  const { url, algorithm, required, clock } = options
  const opening = `asking the signing proxy ${url} for its key`
  const about = await call(opening, 'GET', '/key', undefined, signal)
  const keyId = textOf(about, 'key_id', /^[0-9a-f]{64}$/, opening)
  if (about.algorithm !== algorithm) {
    const received = `${String(about.algorithm)}, for ${algorithm}`
    throw signerError('SIGNER_KEY_UNFIT', { attempted: opening, received })
  }
  if (required && about.backend === 'mock')
    throw signerError('SIGNER_FORBIDDEN', { attempted: opening, received: 'a proxy in front of the mock' })
  const spki = algorithm === 'hmac-sha256' ? undefined : bytesOf(about, 'public_key', opening)
  if (spki !== undefined && auditKeyId(spki) !== keyId)
    throw signerError('SIGNER_FALSE', { attempted: opening, received: 'a key_id that is not of its public_key' })
  const publicKey = spki === undefined ? undefined : auditPublicKey(algorithm, spki, opening)
  const holds = (message: Uint8Array, signature: Uint8Array) =>
    publicKey !== undefined && algorithmRow(algorithm).verify(publicKey, message, signature)

  async function call(
    attempted: string,
    method: 'GET' | 'POST',
    path: string,
    body: object | undefined,
    outer: AbortSignal,
  ): Promise<Answer['body']> {
    let answer: Answer
    try {
      answer = await within({ clock, ms: callMs, signal: outer, attempted }, (inner) =>
        callProxy(connection, method, path, body, inner),
      )
    } catch (cause) {
      if (outer.aborted || isSealwatchError(cause)) throw cause
      throw signerError('SIGNER_UNAVAILABLE', { attempted, received: messageOf(cause), cause })
    }
    if (answer.status === 200) return answer.body
    const { code, message } = answer.body
    const received = `${answer.status} ${String(code ?? '')}: ${String(message ?? '')}`
    const isPassing = answer.status === 429 || answer.status >= 500
    throw signerError(isPassing ? 'SIGNER_UNAVAILABLE' : 'SIGNER_REFUSED', { attempted, received })
  }

  return {
    backend: 'signing-proxy',
    algorithm,
    keyId,
    location: url,
    publicKey: spki,
    sign: async (message, outer) => {
      const attempted = `signing with the signing proxy ${url}`
      const asked = { message: Buffer.from(checkMessage(message, attempted)).toString('base64') }
      const made = await call(attempted, 'POST', '/sign/canonical', asked, outer)
      const signature = bytesOf(made, 'signature', attempted)
      if (made.key_id !== keyId || (publicKey !== undefined && !holds(message, signature)))
        throw signerError('SIGNER_FALSE', { attempted, received: `a signature of the key ${String(made.key_id)}` })
      return signature
    },
    verify: async (message, signature, outer) => {
      if (publicKey !== undefined) return holds(message, signature)
      if (signature.length !== 32) return false
      const attempted = `verifying with the signing proxy ${url}`
      const asked = {
        message: Buffer.from(message).toString('base64'),
        signature: Buffer.from(signature).toString('base64'),
      }
      return (await call(attempted, 'POST', '/verify', asked, outer)).valid === true
    },
    probe: async (outer) => {
      const attempted = `probing the signing proxy ${url}`
      await call(attempted, 'GET', '/healthz', undefined, outer)
      const now = await call(attempted, 'GET', '/key', undefined, outer)
      if (now.key_id !== keyId)
        throw signerError('SIGNER_FALSE', { attempted, received: `the key ${String(now.key_id)}` })
    },
    close: async () => connection.agent.destroy(),
  }
}

function textOf(body: Answer['body'], member: string, form: RegExp, attempted: string): string {
  const value = body[member]
  if (typeof value === 'string' && form.test(value)) return value
  throw signerError('SIGNER_FALSE', { attempted, received: `an answer without ${member}` })
}

function bytesOf(body: Answer['body'], member: string, attempted: string): Uint8Array {
  const text = textOf(body, member, /^[A-Za-z0-9+/]{4,12000}={0,2}$/, attempted)
  return new Uint8Array(Buffer.from(text, 'base64'))
}
