// SPDX-License-Identifier: Apache-2.0
// AWS KMS as far as signing and sealing need it, for tests: its cryptography is the openssl command, and it takes no
// request whose SigV4 signature does not hold, or that the policies in deploy/aws do not allow.

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { AuditAlgorithm } from '../src/signers/algorithms.ts'
import { aesCtr, hmac, makeKey, publicKeyOf, signDigest, signWhole } from './openssl.ts'

export const region = 'eu-test-1'
export const credentials = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'a secret of the test' }

const actionsOf = (policy: string): readonly string[] =>
  (
    JSON.parse(readFileSync(new URL(`../../../deploy/aws/${policy}.policy.json`, import.meta.url), 'utf8')) as {
      Statement: [{ Action: string[] }]
    }
  ).Statement[0].Action

/** What deploy/aws allows, and nothing else: whoever signs, and whoever wraps keys. */
export const allowedActions = actionsOf('audit-signer')
const wrappingActions = actionsOf('master-key')

/** `symmetric`: Encrypt and Decrypt. */
type KeyKind = AuditAlgorithm | 'symmetric'
type Key = { arn: string; algorithm: KeyKind; path: string; secret: string; state: string }
type Body = Readonly<Record<string, string>>

export type KmsEndpoint = {
  readonly endpoint: string
  readonly requests: { action: string; body: Body }[]
  addKey(algorithm: KeyKind): string
  readonly keys: ReadonlyMap<string, Key>
  readonly aliases: Map<string, string>
  /** What the next requests are answered with, first come first served. */
  readonly faults: ({ status: number; type: string } | 'silence')[]
  /** Lets a test change what is answered. */
  tamper: ((action: string, answer: Record<string, unknown>) => Record<string, unknown>) | undefined
  close(): Promise<void>
}

export async function openKmsEndpoint(dir: string): Promise<KmsEndpoint> {
  const keys = new Map<string, Key>()
  const aliases = new Map<string, string>()
  const server = createServer((request, response) => {
    void answer(request).then((found) => {
      if (found === undefined) return
      response.writeHead(found.status, { 'content-type': 'application/x-amz-json-1.1' })
      response.end(JSON.stringify(found.body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint: KmsEndpoint = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    keys,
    aliases,
    faults: [],
    tamper: undefined,
    addKey: (algorithm) => {
      const id = `${randomBytes(4).toString('hex')}-1111-2222-3333-444444444444`
      const arn = `arn:aws:kms:${region}:111122223333:key/${id}`
      const key = { arn, algorithm, path: join(dir, `${id}.pem`), secret: randomBytes(32).toString('hex') }
      if (algorithm !== 'hmac-sha256' && algorithm !== 'symmetric') makeKey(algorithm, key.path)
      keys.set(arn, { ...key, state: 'Enabled' })
      return arn
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return endpoint

  async function answer(request: IncomingMessage): Promise<{ status: number; body: object } | undefined> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const payload = Buffer.concat(chunks)
    const action = String(request.headers['x-amz-target']).replace('TrentService.', '')
    try {
      checkSigV4(request, payload)
      const body = JSON.parse(payload.toString()) as Body
      endpoint.requests.push({ action, body })
      const fault = endpoint.faults.shift()
      if (![...allowedActions, ...wrappingActions].includes(`kms:${action}`)) throw new Refusal('AccessDeniedException')
      if (fault === 'silence') return undefined
      if (fault !== undefined) throw new Refusal(fault.type, fault.status)
      const made = act(action, body)
      return { status: 200, body: endpoint.tamper?.(action, made) ?? made }
    } catch (cause) {
      if (!(cause instanceof Refusal)) throw cause
      return { status: cause.status, body: { __type: cause.type, message: cause.type } }
    }
  }

  function act(action: string, body: Body): Record<string, unknown> {
    const given = body.KeyId ?? (action === 'Decrypt' ? keyOfBlob(body) : '')
    const key = keys.get(aliases.get(given) ?? given)
    if (key === undefined) throw new Refusal('NotFoundException')
    if (action === 'DescribeKey')
      return { KeyMetadata: { KeyId: key.arn, Arn: key.arn, KeyState: key.state, KeySpec: specs[key.algorithm] } }
    if (key.state !== 'Enabled') throw new Refusal('DisabledException')
    const message = Buffer.from(body.Message ?? '', 'base64')
    if (message.length > 4096) throw new Refusal('ValidationException')
    switch (action) {
      case 'GetPublicKey':
        return { KeyId: key.arn, PublicKey: publicKeyOf(key.path).toString('base64') }
      case 'Sign':
        return { KeyId: key.arn, Signature: sign(key, message, body).toString('base64') }
      case 'GenerateMac':
        return { KeyId: key.arn, Mac: mac(key, message, body).toString('base64') }
      case 'VerifyMac': {
        const mine = Buffer.from(body.Mac ?? '', 'base64')
        if (!mac(key, message, body).equals(mine)) throw new Refusal('KMSInvalidMacException')
        return { KeyId: key.arn, MacValid: true }
      }
      case 'Encrypt':
        return { KeyId: key.arn, CiphertextBlob: encrypt(key, body).toString('base64') }
      case 'Decrypt':
        return { KeyId: key.arn, Plaintext: decrypt(key, body).toString('base64') }
      default:
        throw new Refusal('UnknownOperationException')
    }
  }
}

const specs = {
  'hmac-sha256': 'HMAC_256',
  'rsa-sha256': 'RSA_2048',
  ed25519: 'ECC_NIST_EDWARDS25519',
  symmetric: 'SYMMETRIC_DEFAULT',
} as const

/** What KMS does with which MessageType; RAW is its default. */
function sign({ algorithm, path }: Key, message: Buffer, { SigningAlgorithm, MessageType = 'RAW' }: Body): Buffer {
  if (algorithm === 'rsa-sha256' && SigningAlgorithm === 'RSASSA_PKCS1_V1_5_SHA_256') {
    if (MessageType === 'DIGEST' && message.length !== 32) throw new Refusal('ValidationException')
    return signDigest(path, MessageType === 'DIGEST' ? message : createHash('sha256').update(message).digest())
  }
  if (algorithm === 'ed25519' && SigningAlgorithm === 'ED25519_SHA_512') {
    if (MessageType !== 'RAW') throw new Refusal('ValidationException')
    return signWhole(path, message)
  }
  throw new Refusal('InvalidKeyUsageException')
}

function mac({ algorithm, secret }: Key, message: Buffer, { MacAlgorithm }: Body): Buffer {
  if (algorithm !== 'hmac-sha256' || MacAlgorithm !== 'HMAC_SHA_256') throw new Refusal('InvalidKeyUsageException')
  return hmac(secret, message)
}

// A ciphertext names its key, and opens only with the encryption context it was made with (AWS KMS, "Encryption context").
const blobForm = /^(arn:[^\n]+)\n([0-9a-f]{32})\n([0-9a-f]*)\n([0-9a-f]{64})$/
const blobOf = (body: Body) => Buffer.from(body.CiphertextBlob ?? '', 'base64').toString('latin1')
const keyOfBlob = (body: Body) => blobForm.exec(blobOf(body))?.[1] ?? ''

const authentication = ({ secret }: Key, { EncryptionContext: context }: Body, text: string) =>
  hmac(secret, Buffer.from(`${text}\n${JSON.stringify(Object.entries(context ?? {}).sort())}`)).toString('hex')

function encrypt(key: Key, body: Body): Buffer {
  if (key.algorithm !== 'symmetric') throw new Refusal('InvalidKeyUsageException')
  const plain = Buffer.from(body.Plaintext ?? '', 'base64')
  if (plain.length === 0 || plain.length > 4096) throw new Refusal('ValidationException')
  const iv = randomBytes(16).toString('hex')
  const text = `${key.arn}\n${iv}\n${aesCtr(key.secret, iv, plain).toString('hex')}`
  return Buffer.from(`${text}\n${authentication(key, body, text)}`)
}

function decrypt(key: Key, body: Body): Buffer {
  const blob = blobOf(body)
  const [, arn = '', iv = '', sealed = '', tag = ''] = blobForm.exec(blob) ?? []
  if (arn === '') throw new Refusal('InvalidCiphertextException')
  if (arn !== key.arn) throw new Refusal('IncorrectKeyException')
  if (authentication(key, body, blob.slice(0, blob.lastIndexOf('\n'))) !== tag)
    throw new Refusal('InvalidCiphertextException')
  return aesCtr(key.secret, iv, Buffer.from(sealed, 'hex'))
}

class Refusal extends Error {
  readonly type: string
  readonly status: number
  constructor(type: string, status = 400) {
    super(type)
    this.type = type
    this.status = status
  }
}

/** AWS Signature Version 4, from its specification and not from the client under test. */
function checkSigV4(request: IncomingMessage, payload: Buffer): void {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/
  const found = form.exec(request.headers.authorization ?? '')
  if (found === null) throw new Refusal('MissingAuthenticationTokenException')
  const [, accessKeyId = '', day = '', inRegion = '', service = '', signed = '', signature = ''] = found
  if (accessKeyId !== credentials.accessKeyId) throw new Refusal('UnrecognizedClientException', 403)
  const headers = signed.split(';')
  const time = String(request.headers['x-amz-date'])
  const isMeant = inRegion === region && service === 'kms' && time.startsWith(day)
  if (!isMeant || !['host', 'x-amz-date', 'x-amz-target'].every((name) => headers.includes(name)))
    throw new Refusal('InvalidSignatureException')
  const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('hex')
  const canonical = [
    request.method,
    request.url,
    '',
    ...headers.map((name) => `${name}:${String(request.headers[name]).trim().replace(/ +/g, ' ')}`),
    '',
    signed,
    sha256(payload),
  ].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', time, `${day}/${inRegion}/${service}/aws4_request`, sha256(canonical)].join('\n')
  const step = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest()
  const first = step(`AWS4${credentials.secretAccessKey}`, day)
  const key = [inRegion, service, 'aws4_request'].reduce(step, first)
  if (!timingSafeEqual(step(key, toSign), Buffer.from(signature, 'hex'))) throw new Refusal('InvalidSignatureException')
}
