// SPDX-License-Identifier: Apache-2.0

import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { KMSClient, KMSClientConfig } from '@aws-sdk/client-kms'
import { type Clock, isSealwatchError, messageOf, type SealwatchError } from '@sealwatch/base'
import { sealingError } from './errors.ts'
import { keyBytes } from './locked-memory.ts'
import type { MasterKey, WrapPlace } from './master-key.ts'

export type KmsMasterKey = MasterKey & {
  /** Loads AWS's client and finds its credentials: what may need the rights a program begins with. */
  prepare(keyId: string): Promise<void>
}

export type KmsMasterKeyOptions = {
  readonly clock: Clock
  /** What is not given comes from the environment, as AWS's own tools take it. */
  readonly connection?: Pick<KMSClientConfig, 'endpoint' | 'region' | 'credentials'>
  /** For one call with its retries. */
  readonly callMs?: number
}

const connectMs = 2_000
const answerMs = 4_000
const attemptsMax = 3

type Context = Readonly<Record<string, string>>
type Loaded = { readonly kms: typeof import('@aws-sdk/client-kms'); readonly client: KMSClient }

/** The system master key as a symmetric key of AWS KMS, which never leaves it: Encrypt and Decrypt with a context. */
export function kmsMasterKey({ clock, connection, callMs = 10_000 }: KmsMasterKeyOptions): KmsMasterKey {
  // By region: the keys of two epochs may lie in two.
  const clients = new Map<string | undefined, Promise<Loaded>>()

  function load(keyId: string): Promise<Loaded> {
    const region = /^arn:[^:]+:kms:([^:]+):/.exec(keyId)?.[1]
    const loaded = clients.get(region) ?? loadClient(region)
    clients.set(region, loaded)
    return loaded
  }

  async function loadClient(region: string | undefined): Promise<Loaded> {
    const kms = await import('@aws-sdk/client-kms')
    const client = new kms.KMSClient({
      ...(region === undefined ? {} : { region }),
      ...connection,
      maxAttempts: attemptsMax,
      requestHandler: { connectionTimeout: connectMs, requestTimeout: answerMs, throwOnRequestTimeout: true },
    })
    return { kms, client }
  }

  async function call<T>(attempted: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const over = new AbortController()
    const done = new AbortController()
    const timer = clock.sleep(callMs, done.signal).then(() => over.abort())
    try {
      return await work(over.signal)
    } catch (cause) {
      throw over.signal.aborted
        ? sealingError('KEYS_UNAVAILABLE', { attempted, received: `no answer within ${callMs} ms`, cause })
        : translate(attempted, cause)
    } finally {
      done.abort()
      await timer
    }
  }

  async function encrypt(KeyId: string, context: Context, plain: Uint8Array, attempted: string) {
    const { kms, client } = await load(KeyId)
    const input = { KeyId, Plaintext: plain, EncryptionContext: context }
    return call(attempted, async (abortSignal) => {
      const { KeyId: arn = '', CiphertextBlob: wrapped } = await client.send(new kms.EncryptCommand(input), {
        abortSignal,
      })
      if (wrapped === undefined || wrapped.length > wrappedBytesMax)
        throw falseAnswer(attempted, `${wrapped?.length} bytes`)
      return { arn, wrapped: new Uint8Array(wrapped) }
    })
  }

  async function decrypt(KeyId: string, context: Context, wrapped: Uint8Array, attempted: string): Promise<Uint8Array> {
    const { kms, client } = await load(KeyId)
    const input = { KeyId, CiphertextBlob: wrapped, EncryptionContext: context }
    return call(attempted, async (abortSignal) => {
      const { KeyId: arn, Plaintext: plain } = await client.send(new kms.DecryptCommand(input), { abortSignal })
      if (arn !== KeyId || plain?.length !== keyBytes) throw falseAnswer(attempted, `an answer of the key ${arn}`)
      return plain
    })
  }

  /** What cannot be opened again would be lost with everything sealed under it: each wrapping is tried at once. */
  async function encryptAndTry(keyId: string, context: Context, key: Uint8Array, attempted: string) {
    const answer = await encrypt(keyId, context, key, attempted)
    const opened = await decrypt(answer.arn, context, answer.wrapped, attempted)
    const same = timingSafeEqual(opened, key)
    opened.fill(0)
    if (!same) throw falseAnswer(attempted, 'another key than was wrapped')
    return answer
  }

  async function tryKey(epoch: number, keyId: string): Promise<string> {
    const context = { product: 'sealwatch', purpose: 'trial', master_epoch: String(epoch) }
    const { arn } = await encryptAndTry(keyId, context, randomBytes(keyBytes), `trying the KMS key ${keyId}`)
    return arn
  }

  return {
    prepare: async (keyId) => {
      const { client } = await load(keyId)
      // Where there are none yet the first call says so.
      await client.config.credentials().catch(() => undefined)
    },
    begin: tryKey,
    probe: async (epoch, keyId) => void (await tryKey(epoch, keyId)),
    wrap: async (keyId, place, key) => {
      const attempted = `wrapping the key of the tenant ${place.tenant} under ${keyId}`
      const { arn, wrapped } = await encryptAndTry(keyId, contextOf(place), key, attempted)
      if (arn !== keyId) throw falseAnswer(attempted, `an answer of the key ${arn}`)
      return wrapped
    },
    unwrap: (keyId, place, wrapped) =>
      decrypt(keyId, contextOf(place), wrapped, `unwrapping the key of the tenant ${place.tenant} under ${keyId}`),
    check: async () => undefined,
    // Whether a key of KMS goes is for whoever owns the account to say (docs/formats/sealing.md, 2.7).
    destroy: async () => undefined,
  }
}

const wrappedBytesMax = 6144

/** What a KMS key policy can be narrowed to, and what CloudTrail shows of each call. */
const contextOf = ({ tenant, epoch, masterEpoch }: WrapPlace): Context => ({
  product: 'sealwatch',
  purpose: 'tenant-key',
  tenant,
  epoch: String(epoch),
  master_epoch: String(masterEpoch),
})

const falseAnswer = (attempted: string, received: string) => sealingError('KEYS_UNAVAILABLE', { attempted, received })

/** Other bytes, another context, another key: asking again does not help. */
const falseValues = new Set(['InvalidCiphertextException', 'IncorrectKeyException'])

function translate(attempted: string, cause: unknown): SealwatchError {
  if (isSealwatchError(cause)) return cause
  const name = cause instanceof Error ? cause.name : ''
  const code = falseValues.has(name) ? 'SEALED_UNREADABLE' : 'KEYS_UNAVAILABLE'
  return sealingError(code, { attempted, received: `${name}: ${messageOf(cause)}`, cause })
}
