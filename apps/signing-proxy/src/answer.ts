// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { isSealwatchError, type Json, type JsonObject, type Log, parseCanonical } from '@sealwatch/base'
import { decodeBase64 } from '@sealwatch/base/base64'
import type { Readiness } from '@sealwatch/base/health'
import { type AuditSigner, auditMessageBytesMax, probePurpose, purposeOf } from '@sealwatch/keys'
import type { Audit } from './audit.ts'
import { authenticate, type Caller, type Credentials, mayAsk } from './callers.ts'
import { proxyError, statusOf } from './errors.ts'
import type { createRate } from './rate.ts'

export type SigningProxy = {
  readonly signer: AuditSigner
  readonly audit: Pick<Audit, 'record'>
  readonly callers: readonly Caller[]
  readonly rate: ReturnType<typeof createRate>
  readonly readiness: () => Promise<Readiness>
  readonly counters: Record<'signed' | 'verified' | 'refused' | 'failed' | 'unauthenticated', number>
  readonly log: Log
  readonly signal: AbortSignal
}

export type ProxyRequest = {
  readonly method: string
  readonly path: string
  readonly credentials: Credentials
  /** Throws PROXY_TOO_LARGE. Read only for a caller that is known. */
  readonly body: () => Promise<Uint8Array>
}
export type ProxyAnswer = { readonly status: number; readonly body: JsonObject }

type Route = (proxy: SigningProxy, caller: Caller, request: ProxyRequest) => Promise<JsonObject>

const underWayMax = 64

const routes: Readonly<Record<string, Route>> = {
  'GET /key': async ({ signer }) => keyOf(signer),
  'POST /sign/canonical': signCanonical,
  'POST /sign/hash': signHash,
  'POST /verify': verify,
}

/** Answers one request; every failure is an answer too. */
export function createAnswering(proxy: SigningProxy): (request: ProxyRequest) => Promise<ProxyAnswer> {
  let underWay = 0
  return async (request) => {
    try {
      if (request.method === 'GET' && request.path === '/healthz') return healthOf(await proxy.readiness())
      const route = Object.hasOwn(routes, `${request.method} ${request.path}`)
        ? routes[`${request.method} ${request.path}`]
        : undefined
      const attempted = `answering ${request.method} ${request.path.slice(0, 40)}`
      if (route === undefined) throw proxyError('PROXY_ROUTE', { attempted })
      const caller = authenticate(proxy.callers, request.credentials)
      if (!proxy.rate.take(caller.name, caller.signaturesPerMinute))
        throw proxyError('PROXY_RATE', { attempted, received: `${caller.name}` })
      if (underWay >= underWayMax) throw proxyError('PROXY_BUSY', { attempted })
      underWay += 1
      try {
        return { status: 200, body: await route(proxy, caller, request) }
      } finally {
        underWay -= 1
      }
    } catch (error) {
      return refusalOf(proxy, request, error)
    }
  }
}

function refusalOf({ counters, log, rate }: SigningProxy, { method, path }: ProxyRequest, error: unknown): ProxyAnswer {
  const status = statusOf(error)
  if (status === 401) counters.unauthenticated += 1
  else if (status < 500) counters.refused += 1
  else counters.failed += 1
  if (status >= 500) log.error('a request failed', { method, path, error })
  // Whoever is let in is on record in any case; a stranger shall not fill the log.
  else if (status !== 401 || rate.take('strangers', 60)) log.warn('a request was refused', { method, path, error })
  if (!isSealwatchError(error)) return { status, body: { code: 'PROXY_SIGNER', message: 'the proxy failed' } }
  // Causes and what the keeper said stay in the log.
  const { code, rule, advice } = error
  return { status, body: { code, message: `${rule}. ${advice}` } }
}

function healthOf({ parts }: Readiness): ProxyAnswer {
  const failing = Object.entries(parts).flatMap(([name, { status }]) => (status === 'ready' ? [] : [name]))
  if (failing.length === 0) return { status: 200, body: { status: 'ok' } }
  return { status: 503, body: { status: 'degraded', failing } }
}

const keyOf = ({ algorithm, backend, keyId, publicKey }: AuditSigner): JsonObject => ({
  algorithm,
  backend,
  key_id: keyId,
  public_key: publicKey === undefined ? null : base64(publicKey),
})

async function signCanonical(proxy: SigningProxy, caller: Caller, request: ProxyRequest): Promise<JsonObject> {
  const { message } = await bodyOf(request, ['message'])
  const bytes = bytesOf(message, 'message', auditMessageBytesMax)
  const purpose = purposeOf(bytes)
  const digest = hash('sha256', bytes, 'hex')
  return sign(proxy, caller, { operation: 'sign/canonical', purpose, digest }, (signal) =>
    proxy.signer.sign(bytes, signal),
  )
}

async function signHash(proxy: SigningProxy, caller: Caller, request: ProxyRequest): Promise<JsonObject> {
  const { digest, purpose } = await bodyOf(request, ['digest', 'purpose'])
  const attempted = 'reading a request for /sign/hash'
  if (typeof digest !== 'string' || !/^[0-9a-f]{64}$/.test(digest))
    throw proxyError('PROXY_REQUEST', { attempted, received: 'a digest that is not 64 hexadecimal digits' })
  if (typeof purpose !== 'string' || !/^[a-z0-9][a-z0-9._-]{0,63}$/.test(purpose))
    throw proxyError('PROXY_REQUEST', { attempted, received: 'a purpose that is no word' })
  const { signDigest } = proxy.signer
  if (signDigest === undefined) throw proxyError('PROXY_DIGEST', { attempted, received: proxy.signer.algorithm })
  // What a digest is for nobody can see, so what the caller says stands apart from what a message itself shows.
  return sign(proxy, caller, { operation: 'sign/hash', purpose: `hash:${purpose}`, digest }, (signal) =>
    signDigest(Uint8Array.fromHex(digest), signal),
  )
}

type Asked = { readonly operation: string; readonly purpose: string | undefined; readonly digest: string }

async function sign(
  { signer, audit, counters, signal }: SigningProxy,
  caller: Caller,
  { operation, purpose = 'unknown', digest }: Asked,
  make: (signal: AbortSignal) => Promise<Uint8Array>,
): Promise<JsonObject> {
  const record = { operation, caller: caller.name, purpose, digest, keyId: signer.keyId }
  const refuse = async (error: Error & { code: string }) => {
    await audit.record({ ...record, outcome: 'refused', code: error.code })
    return error
  }
  if (purpose === 'unknown' || !(purpose === probePurpose || mayAsk(caller, purpose))) {
    const received = `${purpose}, asked by ${caller.name}`
    throw await refuse(proxyError('PROXY_PURPOSE', { attempted: 'signing for a caller', received }))
  }
  let signature: Uint8Array
  try {
    signature = await make(signal)
  } catch (cause) {
    throw await refuse(
      proxyError('PROXY_SIGNER', { attempted: 'signing for a caller', received: codeOf(cause), cause }),
    )
  }
  // If we stop here the signature was made and nobody has it.
  await audit.record({ ...record, outcome: 'signed', signatureDigest: hash('sha256', signature, 'hex') })
  counters.signed += 1
  return { algorithm: signer.algorithm, key_id: signer.keyId, signature: base64(signature) }
}

async function verify(
  { signer, counters, signal }: SigningProxy,
  _caller: Caller,
  request: ProxyRequest,
): Promise<JsonObject> {
  const { message, signature } = await bodyOf(request, ['message', 'signature'])
  const messageBytes = bytesOf(message, 'message', auditMessageBytesMax)
  const signatureBytes = bytesOf(signature, 'signature', 1_024)
  try {
    const valid = await signer.verify(messageBytes, signatureBytes, signal)
    counters.verified += 1
    return { valid }
  } catch (cause) {
    throw proxyError('PROXY_SIGNER', { attempted: 'verifying for a caller', received: codeOf(cause), cause })
  }
}

async function bodyOf({ path, body }: ProxyRequest, members: readonly string[]): Promise<JsonObject> {
  const attempted = `reading a request for ${path}`
  let value: Json
  const text = Buffer.from(await body()).toString('utf8')
  try {
    value = parseCanonical(text, attempted)
  } catch (cause) {
    throw proxyError('PROXY_REQUEST', { attempted, received: codeOf(cause), cause })
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (isObject && Object.keys(value as JsonObject).join() === members.join()) return value as JsonObject
  throw proxyError('PROXY_REQUEST', { attempted, received: `other members than ${members.join(' and ')}` })
}

function bytesOf(value: Json | undefined, member: string, max: number): Uint8Array {
  const bytes = typeof value === 'string' ? decodeBase64(value) : undefined
  if (bytes !== undefined && bytes.length > 0 && bytes.length <= max) return bytes
  const received = bytes === undefined ? `a ${member} that is not base64` : `a ${member} of ${bytes.length} bytes`
  throw proxyError('PROXY_REQUEST', { attempted: `reading the ${member}`, received })
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
const codeOf = (cause: unknown): string => (isSealwatchError(cause) ? cause.code : 'an unknown failure')
