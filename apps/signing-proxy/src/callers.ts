// SPDX-License-Identifier: Apache-2.0

import { hash, timingSafeEqual, type X509Certificate } from 'node:crypto'
import type { Json, JsonObject } from '@sealwatch/base'
import { proxyError } from './errors.ts'

/** A row of the callers file (docs/formats/signing-proxy.md, 3). */
export type Caller = {
  readonly name: string
  /** SHA-256 of the API key: the key itself is nowhere in the proxy. */
  readonly apiKeyHash: Uint8Array | undefined
  /** DNS name that the caller's certificate must have. */
  readonly certificateName: string | undefined
  readonly purposes: readonly string[]
  readonly signaturesPerMinute: number
}

const callersMax = 1_000
const purposesMax = 100
const perMinute = { default: 600, max: 100_000 } as const
const purposeForm = /^[\x21-\x7e]{1,256}$/

export const apiKeyForm = /^swp_[A-Za-z0-9_-]{43}$/
export const hashApiKey = (key: string): Uint8Array => hash('sha256', key, 'buffer')

/** In front of the mock and nowhere else: its signatures say nothing, so anyone may have them. */
export const mockCaller: Caller = {
  name: 'mock',
  apiKeyHash: hashApiKey('mock'),
  certificateName: undefined,
  purposes: ['*'],
  signaturesPerMinute: perMinute.max,
}

export function parseCallers(text: string, attempted: string): readonly Caller[] {
  const wrong = (received: string, cause?: unknown) => proxyError('PROXY_CALLERS', { attempted, received, cause })
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (cause) {
    throw wrong('no JSON', cause)
  }
  if (!isObject(value) || Object.keys(value).join() !== 'callers' || !Array.isArray(value.callers))
    throw wrong('something else than {"callers":[…]}')
  const rows = value.callers as readonly Json[]
  if (rows.length === 0 || rows.length > callersMax) throw wrong(`${rows.length} callers`)
  const callers = rows.map((row, i) => parseCaller(row, (what) => wrong(`row ${i + 1}: ${what}`)))
  const doubled = (keys: readonly (string | undefined)[]) => {
    const given = keys.filter((key) => key !== undefined)
    return new Set(given).size < given.length
  }
  if (doubled(callers.map(({ name }) => name))) throw wrong('two callers of one name')
  if (doubled(callers.map(({ apiKeyHash }) => apiKeyHash?.toHex()))) throw wrong('two callers with one API key')
  if (doubled(callers.map(({ certificateName }) => certificateName))) throw wrong('two callers with one certificate')
  return callers
}

const members = ['api_key_sha256', 'certificate_dns', 'name', 'purposes', 'signatures_per_minute']

function parseCaller(row: Json, wrong: (what: string) => Error): Caller {
  if (!isObject(row)) throw wrong('no object')
  const unknown = Object.keys(row).find((member) => !members.includes(member))
  if (unknown !== undefined) throw wrong(`the member ${unknown}`)
  const { name, api_key_sha256: keyHash, certificate_dns: dns, purposes } = row
  const { signatures_per_minute: rate = perMinute.default } = row
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9.-]{0,62}$/.test(name)) throw wrong('the name')
  if ((keyHash === undefined) === (dns === undefined))
    throw wrong('not exactly one of api_key_sha256 and certificate_dns')
  if (keyHash !== undefined && (typeof keyHash !== 'string' || !/^[0-9a-f]{64}$/.test(keyHash)))
    throw wrong('api_key_sha256 that is not 64 hexadecimal digits')
  if (dns !== undefined && (typeof dns !== 'string' || !/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(dns)))
    throw wrong('certificate_dns that is no DNS name in lower case')
  if (!Array.isArray(purposes) || purposes.length === 0 || purposes.length > purposesMax) throw wrong('the purposes')
  const isPurpose = (purpose: Json) => typeof purpose === 'string' && purposeForm.test(purpose) && purpose !== '*'
  if (!(purposes as readonly Json[]).every(isPurpose)) throw wrong('a purpose that is no word; * is none')
  if (!Number.isInteger(rate) || (rate as number) < 1 || (rate as number) > perMinute.max)
    throw wrong('signatures_per_minute')
  return {
    name,
    apiKeyHash: typeof keyHash === 'string' ? Uint8Array.fromHex(keyHash) : undefined,
    certificateName: typeof dns === 'string' ? dns : undefined,
    purposes: purposes as readonly string[],
    signaturesPerMinute: rate as number,
  }
}

/** What a caller shows of itself; the certificate only when TLS has verified it against the CA of callers. */
export type Credentials = {
  readonly authorization: string | undefined
  readonly certificate: X509Certificate | undefined
}

/** The caller that the credentials are of. Takes the same time for every key. Throws PROXY_UNAUTHENTICATED. */
export function authenticate(callers: readonly Caller[], { authorization, certificate }: Credentials): Caller {
  const key = /^Bearer (\S{1,256})$/.exec(authorization ?? '')?.[1]
  const given = hashApiKey(key ?? '')
  const byKey = callers.filter(({ apiKeyHash }) => apiKeyHash !== undefined && timingSafeEqual(apiKeyHash, given))
  const byName = callers.filter(
    ({ certificateName: name }) =>
      name !== undefined && certificate?.checkHost(name, { subject: 'never', wildcards: false }) !== undefined,
  )
  const [caller, another] = [...(key === undefined ? [] : byKey), ...byName]
  // Someone who shows two identities is asked which.
  if (caller !== undefined && another === undefined) return caller
  const received =
    another !== undefined ? 'the credentials of two callers' : key === undefined ? 'none' : 'unknown ones'
  throw proxyError('PROXY_UNAUTHENTICATED', { attempted: 'authenticating a caller', received })
}

/** A purpose is allowed by its own name, or by its kind: `checkpoint:*` allows every origin. */
export function mayAsk({ purposes }: Caller, purpose: string): boolean {
  const kind = /^(checkpoint|cosignature|hash):/.exec(purpose)?.[0]
  return purposes.some((allowed) => allowed === purpose || allowed === '*' || (kind && allowed === `${kind}*`))
}

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
