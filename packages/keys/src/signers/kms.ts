// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import type { KMSClient, KMSClientConfig } from '@aws-sdk/client-kms'
import { type Clock, isSealwatchError, messageOf, type SealwatchError } from '@sealwatch/base'
import { type AuditAlgorithm, algorithmRow, auditKeyId, auditPublicKey } from './algorithms.ts'
import { within } from './deadline.ts'
import { signerError } from './errors.ts'
import { digestHolds } from './rsa-digest.ts'
import { type AuditSigner, checkDigest, checkMessage, hmacKeyIdText } from './signer.ts'

export type KmsOptions = {
  readonly key: string
  readonly algorithm: AuditAlgorithm
  readonly clock: Clock
  /** For tests; what is not given comes from the environment, as AWS's own tools take it. */
  readonly connection?: Pick<KMSClientConfig, 'endpoint' | 'region' | 'credentials'>
}

/** One call with its retries; then whoever asked decides. */
const callMs = 10_000
const attemptsMax = 3
const connectMs = 2_000
const answerMs = 4_000

/**
 * What KMS calls them. RSA gets the digest that was made here, so the message is hashed once; Ed25519 with a digest would
 * be another algorithm that hashes again, so KMS gets the message (AWS KMS, "Supported signing algorithms").
 */
const kmsNames = {
  'hmac-sha256': { specs: ['HMAC_256'] },
  'rsa-sha256': {
    specs: ['RSA_2048', 'RSA_3072', 'RSA_4096'],
    signing: 'RSASSA_PKCS1_V1_5_SHA_256',
    type: 'DIGEST',
    toSend: (message: Uint8Array) => hash('sha256', message, 'buffer'),
  },
  ed25519: {
    specs: ['ECC_NIST_EDWARDS25519'],
    signing: 'ED25519_SHA_512',
    type: 'RAW',
    toSend: (message: Uint8Array) => message,
  },
} as const

export type PreparedKms = { readonly open: (signal: AbortSignal) => Promise<AuditSigner> }

/** Loads AWS's client and finds its credentials: what may need the rights a program begins with. */
export async function prepareKms(options: KmsOptions): Promise<PreparedKms> {
  const kms = await import('@aws-sdk/client-kms')
  const region = /^arn:[^:]+:kms:([^:]+):/.exec(options.key)?.[1]
  const client = new kms.KMSClient({
    ...(region === undefined ? {} : { region }),
    ...options.connection,
    maxAttempts: attemptsMax,
    requestHandler: { connectionTimeout: connectMs, requestTimeout: answerMs, throwOnRequestTimeout: true },
  })
  // Where there are none yet the first call says so.
  await client.config.credentials().catch(() => undefined)
  return { open: (signal) => openKms(kms, client, options, signal) }
}

type Kms = typeof import('@aws-sdk/client-kms')

async function openKms(kms: Kms, client: KMSClient, options: KmsOptions, signal: AbortSignal): Promise<AuditSigner> {
  const { algorithm, clock } = options
  const names = kmsNames[algorithm]

  /** The key by its ARN from here on: an alias may come to mean another key while we run. */
  const { arn, spec } = await describe(options.key, `asking AWS KMS for the key ${options.key}`, signal)
  const location = arn
  if (!(names.specs as readonly string[]).includes(spec))
    throw signerError('SIGNER_KEY_UNFIT', { attempted: `opening ${arn}`, received: `${spec}, for ${algorithm}` })
  const spki = algorithm === 'hmac-sha256' ? undefined : await publicKeyOf(arn)
  const publicKey = spki === undefined ? undefined : auditPublicKey(algorithm, spki, `opening ${arn}`)

  async function call<T>(attempted: string, outer: AbortSignal, work: (inner: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await within({ clock, ms: callMs, signal: outer, attempted }, work)
    } catch (cause) {
      throw outer.aborted || isSealwatchError(cause) ? cause : translate(attempted, cause)
    }
  }

  async function describe(key: string, attempted: string, outer: AbortSignal) {
    const { KeyMetadata: found } = await call(attempted, outer, (abortSignal) =>
      client.send(new kms.DescribeKeyCommand({ KeyId: key }), { abortSignal }),
    )
    if (found?.KeyState !== 'Enabled')
      throw signerError('SIGNER_REFUSED', { attempted, received: `a key in the state ${found?.KeyState}` })
    return { arn: found.Arn ?? '', spec: found.KeySpec ?? '' }
  }

  async function publicKeyOf(key: string): Promise<Uint8Array> {
    const attempted = `asking AWS KMS for the public key of ${key}`
    const found = await call(attempted, signal, (abortSignal) =>
      client.send(new kms.GetPublicKeyCommand({ KeyId: key }), { abortSignal }),
    )
    return ofKey(found, found.PublicKey, attempted)
  }

  function ofKey(answer: { KeyId?: string | undefined }, bytes: Uint8Array | undefined, attempted: string): Uint8Array {
    if (answer.KeyId !== arn || bytes === undefined)
      throw signerError('SIGNER_FALSE', { attempted, received: `an answer of the key ${answer.KeyId}` })
    return bytes
  }

  async function sign(message: Uint8Array, outer: AbortSignal): Promise<Uint8Array> {
    const attempted = `signing with ${arn}`
    checkMessage(message, attempted)
    if (!('signing' in names)) {
      const made = await call(attempted, outer, (abortSignal) =>
        client.send(new kms.GenerateMacCommand({ KeyId: arn, Message: message, MacAlgorithm: 'HMAC_SHA_256' }), {
          abortSignal,
        }),
      )
      return ofKey(made, made.Mac, attempted)
    }
    const signature = await signInput(names.toSend(message), names, attempted, outer)
    if (!holds(message, signature)) throw signerError('SIGNER_FALSE', { attempted })
    return signature
  }

  async function signInput(
    Message: Uint8Array,
    { type, signing }: Extract<typeof names, { readonly signing: string }>,
    attempted: string,
    outer: AbortSignal,
  ): Promise<Uint8Array> {
    const input = { KeyId: arn, Message, MessageType: type, SigningAlgorithm: signing }
    const made = await call(attempted, outer, (abortSignal) => client.send(new kms.SignCommand(input), { abortSignal }))
    return ofKey(made, made.Signature, attempted)
  }

  async function signDigest(digest: Uint8Array, outer: AbortSignal): Promise<Uint8Array> {
    const attempted = `signing a digest with ${arn}`
    const signature = await signInput(checkDigest(digest, attempted), kmsNames['rsa-sha256'], attempted, outer)
    if (publicKey === undefined || !digestHolds(publicKey, digest, signature))
      throw signerError('SIGNER_FALSE', { attempted })
    return signature
  }

  const holds = (message: Uint8Array, signature: Uint8Array) =>
    publicKey !== undefined && algorithmRow(algorithm).verify(publicKey, message, signature)

  async function verify(message: Uint8Array, signature: Uint8Array, outer: AbortSignal): Promise<boolean> {
    if (publicKey !== undefined) return holds(message, signature)
    if (signature.length !== 32) return false
    const attempted = `verifying with ${arn}`
    const input = { KeyId: arn, Message: message, Mac: signature, MacAlgorithm: 'HMAC_SHA_256' } as const
    return call(attempted, outer, async (abortSignal) => {
      try {
        return (await client.send(new kms.VerifyMacCommand(input), { abortSignal })).MacValid === true
      } catch (cause) {
        if (cause instanceof kms.KMSInvalidMacException) return false
        throw cause
      }
    })
  }

  const keyId =
    spki === undefined ? Buffer.from(await sign(Buffer.from(hmacKeyIdText), signal)).toString('hex') : auditKeyId(spki)
  return {
    backend: 'aws-kms',
    algorithm,
    keyId,
    location,
    publicKey: spki,
    sign,
    ...(algorithm === 'rsa-sha256' && { signDigest }),
    verify,
    probe: async (outer) => void (await describe(arn, `asking AWS KMS for the key ${arn}`, outer)),
    close: async () => client.destroy(),
  }
}

/** What a policy, a credential or the key's own state forbids; waiting does not help. */
const refusals = new Set([
  'AccessDeniedException',
  'DisabledException',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidKeyUsageException',
  'InvalidSignatureException',
  'InvalidClientTokenId',
  'KMSInvalidStateException',
  'MissingAuthenticationTokenException',
  'NotFoundException',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
  'ValidationException',
])

function translate(attempted: string, cause: unknown): SealwatchError {
  const name = cause instanceof Error ? cause.name : ''
  const code = refusals.has(name) ? 'SIGNER_REFUSED' : 'SIGNER_UNAVAILABLE'
  return signerError(code, { attempted, received: `${name}: ${messageOf(cause)}`, cause })
}
