// SPDX-License-Identifier: Apache-2.0

import { createPublicKey, type KeyObject } from 'node:crypto'
import { type Clock, isSealwatchError, messageOf } from '@sealwatch/base'
import type { Handle, PKCS11 } from 'pkcs11js'
import { type AuditAlgorithm, algorithmRow, auditKeyId, auditPublicKey } from './algorithms.ts'
import { within } from './deadline.ts'
import { signerError } from './errors.ts'
import { secretFile } from './material.ts'
import { digestHolds, digestInfoOf } from './rsa-digest.ts'
import type { Secret } from './secret.ts'
import { type AuditSigner, auditProbeText, checkDigest, checkMessage, hmacKeyIdText } from './signer.ts'

export type Pkcs11Options = {
  readonly algorithm: AuditAlgorithm
  readonly module: string
  readonly token: { readonly label: string } | { readonly slot: number }
  /** CKA_LABEL of the key, and of its public key where there is one. */
  readonly key: string
  readonly pinFile: string
  readonly required: boolean
  readonly clock: Clock
}

const callMs = 10_000
const signatureBytesMax = 1024

// PKCS#11 3.0, which the binding's list of 2.40 does not have.
const CKM_EDDSA = 0x1057
const CKR_ALREADY_INITIALIZED = 0x191
/** After these the session is no more; the next call begins another: a token that was away comes back by itself. */
const sessionIsGone = new Set([0x30, 0x31, 0x32, 0xb0, 0xb3, 0xe0, 0x101])
/** Asking again would not help, and of a wrong PIN it would lock the token. */
const isRefusal = new Set([0x68, 0xa0, 0xa1, 0xa2, 0xa4, 0x102])

type Binding = typeof import('pkcs11js')
type Session = { readonly session: Handle; readonly signing: Handle; readonly publicKey: KeyObject | undefined }

/** Loads binding and module and reads the PIN: what may need the rights a program begins with. */
export async function preparePkcs11(options: Pkcs11Options): Promise<(signal: AbortSignal) => Promise<AuditSigner>> {
  const attempted = `loading the PKCS#11 module ${options.module}`
  let binding: Binding
  let library: PKCS11
  try {
    const imported = (await import('pkcs11js')) as Binding & { readonly default?: Binding }
    binding = imported.default ?? imported
    library = new binding.PKCS11()
    library.load(options.module)
  } catch (cause) {
    throw signerError('SIGNER_MODULE', { attempted, received: messageOf(cause).split('\n')[0], cause })
  }
  // Kept for when the session must begin anew: a binding that takes the PIN as a text leaves nothing to wipe.
  const pin = await secretFile(options.pinFile, 'AUDIT_SIGNING_PKCS11_PIN_FILE', options.required)
  try {
    library.C_Initialize({ flags: binding.CKF_OS_LOCKING_OK })
  } catch (cause) {
    if (codeOf(cause) !== CKR_ALREADY_INITIALIZED) throw failed(cause, attempted)
  }
  return (signal) => openPkcs11(binding, library, options, pin, signal)
}

async function openPkcs11(
  binding: Binding,
  library: PKCS11,
  options: Pkcs11Options,
  pin: Secret,
  signal: AbortSignal,
): Promise<AuditSigner> {
  const { algorithm, token, key, clock } = options
  const where = 'label' in token ? `token=${encodeURIComponent(token.label)}` : `slot-id=${token.slot}`
  /** RFC 7512. */
  const location = `pkcs11:${where};object=${encodeURIComponent(key)}`
  let current: Session | undefined
  let queue: Promise<unknown> = Promise.resolve()

  current = logIn()
  const spki = current.publicKey?.export({ type: 'spki', format: 'der' })
  const publicKey = spki && auditPublicKey(algorithm, spki, `opening ${location}`)

  function logIn(): Session {
    const attempted = `opening ${location}`
    try {
      return openSession(binding, library, { ...options, pin, location })
    } catch (cause) {
      throw isSealwatchError(cause) ? cause : failed(cause, attempted)
    }
  }

  /** A session does one thing at a time. */
  function inSession<T>(attempted: string, outer: AbortSignal, work: (session: Session) => Promise<T>): Promise<T> {
    const result = queue.then(async () => {
      outer.throwIfAborted()
      current ??= logIn()
      try {
        return await work(current)
      } catch (cause) {
        if (sessionIsGone.has(codeOf(cause))) current = undefined
        throw failed(cause, attempted)
      }
    })
    queue = result.catch(() => undefined)
    return within({ clock, ms: callMs, signal: outer, attempted }, () => result)
  }

  const mechanism = {
    'hmac-sha256': binding.CKM_SHA256_HMAC,
    'rsa-sha256': binding.CKM_SHA256_RSA_PKCS,
    ed25519: CKM_EDDSA,
  }[algorithm]

  async function sign(message: Uint8Array, outer: AbortSignal): Promise<Uint8Array> {
    const attempted = `signing with ${location}`
    checkMessage(message, attempted)
    const signature = await signBy(mechanism, message, attempted, outer)
    if (publicKey !== undefined && !algorithmRow(algorithm).verify(publicKey, message, signature))
      throw signerError('SIGNER_FALSE', { attempted })
    return new Uint8Array(signature)
  }

  /** A mechanism that pads and does not hash: the digest comes in as what is padded. */
  async function signDigest(digest: Uint8Array, outer: AbortSignal): Promise<Uint8Array> {
    const attempted = `signing a digest with ${location}`
    const encoded = digestInfoOf(checkDigest(digest, attempted))
    const signature = await signBy(binding.CKM_RSA_PKCS, encoded, attempted, outer)
    if (publicKey === undefined || !digestHolds(publicKey, digest, signature))
      throw signerError('SIGNER_FALSE', { attempted })
    return new Uint8Array(signature)
  }

  const signBy = (by: number, data: Uint8Array, attempted: string, outer: AbortSignal): Promise<Buffer> =>
    inSession(attempted, outer, ({ session, signing }) => {
      library.C_SignInit(session, { mechanism: by }, signing)
      return library.C_SignAsync(session, Buffer.from(data), Buffer.alloc(signatureBytesMax))
    })

  async function verify(message: Uint8Array, signature: Uint8Array, outer: AbortSignal): Promise<boolean> {
    if (publicKey !== undefined) return algorithmRow(algorithm).verify(publicKey, message, signature)
    if (signature.length !== 32) return false
    return inSession(`verifying with ${location}`, outer, async ({ session, signing }) => {
      library.C_VerifyInit(session, { mechanism }, signing)
      try {
        return await library.C_VerifyAsync(session, Buffer.from(message), Buffer.from(signature))
      } catch (cause) {
        if (codeOf(cause) === binding.CKR_SIGNATURE_INVALID) return false
        throw cause
      }
    })
  }

  const keyId =
    spki === undefined ? Buffer.from(await sign(Buffer.from(hmacKeyIdText), signal)).toString('hex') : auditKeyId(spki)
  return {
    backend: 'pkcs11',
    algorithm,
    keyId,
    location,
    publicKey: spki && new Uint8Array(spki),
    sign,
    ...(algorithm === 'rsa-sha256' && { signDigest }),
    verify,
    probe: async (outer) => {
      const message = Buffer.from(auditProbeText)
      if (!(await verify(message, await sign(message, outer), outer)))
        throw signerError('SIGNER_FALSE', { attempted: `probing ${location}` })
    },
    close: async () => {
      await queue
      if (current !== undefined) library.C_CloseSession(current.session)
      current = undefined
    },
  }
}

type SessionOptions = Pkcs11Options & { readonly pin: Secret; readonly location: string }

function openSession(binding: Binding, library: PKCS11, options: SessionOptions): Session {
  const { algorithm, key, pin, location } = options
  const attempted = `opening ${location}`
  const session = library.C_OpenSession(slotOf(library, options), binding.CKF_SERIAL_SESSION)
  try {
    try {
      library.C_Login(session, binding.CKU_USER, pin.reveal())
    } catch (cause) {
      if (codeOf(cause) !== binding.CKR_USER_ALREADY_LOGGED_IN) throw cause
    }
    const isSecret = algorithm === 'hmac-sha256'
    const signing = theOne(isSecret ? binding.CKO_SECRET_KEY : binding.CKO_PRIVATE_KEY)
    if (isSecret) return { session, signing, publicKey: undefined }
    const jwk = algorithm === 'ed25519' ? edwards(theOne(binding.CKO_PUBLIC_KEY)) : rsa(theOne(binding.CKO_PUBLIC_KEY))
    return { session, signing, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) }
  } catch (cause) {
    library.C_CloseSession(session)
    throw cause
  }

  function theOne(class_: number): Handle {
    library.C_FindObjectsInit(session, [
      { type: binding.CKA_CLASS, value: class_ },
      { type: binding.CKA_LABEL, value: key },
    ])
    const found = library.C_FindObjects(session, 2)
    library.C_FindObjectsFinal(session)
    const [only] = found
    if (only !== undefined && found.length === 1) return only
    const received = `${found.length === 0 ? 'no' : 'more than one'} object of class ${class_} labelled ${key}`
    throw signerError('SIGNER_REFUSED', { attempted, received })
  }

  function read(object: Handle, type: number): Buffer {
    const [found] = library.C_GetAttributeValue(session, object, [{ type }])
    return found?.value as Buffer
  }

  function edwards(object: Handle): Record<string, string> {
    const point = read(object, binding.CKA_EC_POINT)
    // An OCTET STRING by PKCS#11 2.40; bare, as 3.0 and some tokens have it.
    const raw = point.length === 34 && point.readUInt16BE() === 0x0420 ? point.subarray(2) : point
    return { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }
  }

  function rsa(object: Handle): Record<string, string> {
    const of = (type: number) => read(object, type).toString('base64url')
    return { kty: 'RSA', n: of(binding.CKA_MODULUS), e: of(binding.CKA_PUBLIC_EXPONENT) }
  }
}

function slotOf(library: PKCS11, { token, location }: SessionOptions): Handle {
  const slots = library.C_GetSlotList(true)
  const found = slots.filter((slot) =>
    'label' in token
      ? library.C_GetTokenInfo(slot).label.trimEnd() === token.label
      : slot.readUInt32LE() === token.slot && slot.subarray(4).every((byte) => byte === 0),
  )
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  const received = `${found.length} of ${slots.length} tokens that are called so`
  throw signerError('SIGNER_UNAVAILABLE', { attempted: `opening ${location}`, received })
}

const codeOf = (cause: unknown): number => (cause as { code?: number } | undefined)?.code ?? 0

function failed(cause: unknown, attempted: string): Error {
  const code = isRefusal.has(codeOf(cause)) ? 'SIGNER_REFUSED' : 'SIGNER_UNAVAILABLE'
  return signerError(code, { attempted, received: messageOf(cause).split('\n')[0], cause })
}
