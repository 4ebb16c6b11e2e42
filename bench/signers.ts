// SPDX-License-Identifier: Apache-2.0

import { generateKeyPairSync, hash, sign } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createLog, readConfig, systemClock, systemDisk, together } from '@sealwatch/base'
import {
  type AuditAlgorithm,
  type AuditSigner,
  chooseSigner,
  mockKey,
  prepareSigner,
  readSignerSettings,
  type SignerChoice,
} from '@sealwatch/keys'
import { preAuthEncoding } from '@sealwatch/keys/dsse'
import { keepSealed, openLedgers } from '../apps/server/src/ingest/index.ts'
import { mockCaller } from '../apps/signing-proxy/src/callers.ts'
import { proxyConfigPrefix, signingProxySettings } from '../apps/signing-proxy/src/config.ts'
import { runProxy } from '../apps/signing-proxy/src/run.ts'
import { prepareKms } from '../packages/keys/src/signers/kms.ts'
import { credentials, openKmsEndpoint, region } from '../packages/keys/test/kms-endpoint.ts'
import { signWhole } from '../packages/keys/test/openssl.ts'
import { makeToken, noSofthsm, softhsmModule } from '../packages/keys/test/softhsm.ts'
import { compare, type Figure } from './figure.ts'
import { launches, temporary } from './material.ts'

const runs = 5
const { signal } = new AbortController()
const message = preAuthEncoding('application/vnd.sealwatch.root-checkpoint.v1+json', new Uint8Array(400))
const silent = createLog('bench', () => undefined, systemClock.nowMs)

/** SIG-8: what a signature costs with each keeper, and how many events share one. */
export async function* benchSigners(): AsyncGenerator<Figure> {
  await using dir = await temporary()
  const bare = generateKeyPairSync('ed25519').privateKey
  const bareSigning = {
    peer: 'node:crypto sign, Ed25519',
    theirs: async () => repeat(1_000, async () => sign(null, message, bare)),
  }

  for (const algorithm of ['hmac-sha256', 'rsa-sha256', 'ed25519'] as const) {
    const signer = await fileSigner(algorithm)
    yield await compare({
      name: `signers.file.${algorithm}`,
      unit: 'signatures/s',
      runs,
      ours: signing(signer, 500),
      ...bareSigning,
    })
  }
  yield* hsm(join(dir.path, 'hsm'), bareSigning)

  await using proxy = await proxied(join(dir.path, 'proxy'))
  yield await compare({
    name: 'signers.signing-proxy.ed25519',
    unit: 'signatures/s',
    runs,
    ours: signing(proxy.signer, 200),
    ...bareSigning,
  })

  mkdirSync(join(dir.path, 'kms'))
  const kms = await openKmsEndpoint(join(dir.path, 'kms'))
  const key = kms.addKey('ed25519')
  const connection = { endpoint: kms.endpoint, region, credentials }
  const signer = await (await prepareKms({ key, algorithm: 'ed25519', clock: systemClock, connection })).open(signal)
  const { path } = kms.keys.get(key) as { path: string }
  yield await compare({
    name: 'signers.aws-kms.ed25519',
    unit: 'signatures/s',
    runs,
    ours: signing(signer, 20),
    peer: 'the openssl command that the endpoint of the test calls',
    theirs: async () => repeat(20, async () => signWhole(path, message)),
  })
  await signer.close()
  await kms.close()

  yield await eventsPerSignature(join(dir.path, 'ledgers'))
}

const signing = (signer: AuditSigner, count: number) => () => repeat(count, () => signer.sign(message, signal))

async function repeat(count: number, work: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < count; i += 1) await work()
  return count
}

async function fileSigner(algorithm: AuditAlgorithm): Promise<AuditSigner> {
  const pem = { type: 'pkcs8', format: 'pem' } as const
  const key =
    algorithm === 'hmac-sha256'
      ? { AUDIT_SIGNING_KEY: hash('sha256', 'bench') }
      : algorithm === 'ed25519'
        ? { AUDIT_SIGNING_PRIVATE_KEY: generateKeyPairSync('ed25519').privateKey.export(pem) as string }
        : {
            AUDIT_SIGNING_PRIVATE_KEY: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(
              pem,
            ) as string,
          }
  return open({ AUDIT_SIGNING_ALG: algorithm, ...key })
}

async function open(env: Record<string, string>): Promise<AuditSigner> {
  const plan = chooseSigner(readSignerSettings(env))
  return (await prepareSigner(plan.active as SignerChoice, { required: false, clock: systemClock }))(signal)
}

type Peer = { readonly peer: string; readonly theirs: () => Promise<number> }

async function* hsm(dir: string, peer: Peer): AsyncGenerator<Figure> {
  if (noSofthsm() !== undefined) return
  mkdirSync(dir)
  const { pinFile } = makeToken(dir, 'bench')
  for (const [label, algorithm] of [
    ['rsa', 'rsa-sha256'],
    ['ed25519', 'ed25519'],
  ] as const) {
    const signer = await open({
      AUDIT_SIGNING_ALG: algorithm,
      AUDIT_SIGNING_PKCS11_MODULE: softhsmModule,
      AUDIT_SIGNING_PKCS11_TOKEN: 'bench',
      AUDIT_SIGNING_PKCS11_KEY: label,
      AUDIT_SIGNING_PKCS11_PIN_FILE: pinFile,
    })
    yield await compare({
      name: `signers.pkcs11.${algorithm}`,
      unit: 'signatures/s',
      runs,
      ours: signing(signer, 500),
      ...peer,
    })
    await signer.close()
  }
}

/** One caller that waits for each answer; every signature is on the disk before. */
async function proxied(dir: string) {
  const stop = new AbortController()
  const serving = Promise.withResolvers<string>()
  const log = createLog(
    'bench',
    (line) => {
      const url = /"url":"([^"]+)"/.exec(line)?.[1]
      if (url !== undefined) serving.resolve(url)
    },
    systemClock.nowMs,
  )
  const settings = { SEALWATCH_PROXY_DATA_DIR: dir, SEALWATCH_PROXY_PORT: '0' }
  const ended = runProxy({
    config: readConfig(signingProxySettings, settings, proxyConfigPrefix),
    version: '0',
    hardening: together(),
    open: async () => mockKey('ed25519', 'bench'),
    successor: undefined,
    callers: [mockCaller],
    tls: undefined,
    clock: systemClock,
    disk: systemDisk,
    log,
    signal: stop.signal,
  })
  const url = await serving.promise
  const signer = await open({ AUDIT_SIGNING_ALG: 'ed25519', SIGNING_PROXY_URL: url, SIGNING_PROXY_API_KEY: 'mock' })
  return {
    signer,
    [Symbol.asyncDispose]: async () => {
      await signer.close()
      stop.abort('done')
      await ended
    },
  }
}

/** Two tenants' ledgers take events for five seconds, as the server seals and countersigns them; the signer counts. */
async function eventsPerSignature(dir: string): Promise<Figure> {
  const signer = mockKey('ed25519', 'bench')
  let signatures = 0
  const counting: AuditSigner = {
    ...signer,
    sign: (text, outer) => {
      signatures += 1
      return signer.sign(text, outer)
    },
  }
  const of = { deployment: 'bench', tenants: ['a', 'b'], labelKey: new Uint8Array(32), auditSigner: counting }
  const ledgers = await openLedgers({
    ...of,
    dir,
    keysDir: join(dir, 'keys'),
    clock: systemClock,
    disk: systemDisk,
    log: silent,
  })
  signatures = 0
  const stop = new AbortController()
  const sealing = keepSealed({
    signedHeads: { remember: async () => undefined },
    ledgers,
    countersignEveryMs: 1_000,
    countersignIdleMs: 60_000,
    clock: systemClock,
    log: silent,
    signal: stop.signal,
  })
  const bodies = launches(100).map(({ event }) => ({ event: event as never }))
  let events = 0
  const untilMs = systemClock.nowMs() + 5_000
  while (systemClock.nowMs() < untilMs) {
    for (const tenant of of.tenants)
      events += (await Promise.all(bodies.map((own) => ledgers.get(tenant).append({ own })))).length
  }
  stop.abort()
  await sealing
  await ledgers.close()
  const median = Math.round(events / signatures)
  const peer = 'a call of the keeper for each event'
  return {
    name: 'signers.events-per-signature',
    unit: 'events',
    median,
    min: median,
    max: median,
    runs: 1,
    peer,
    peer_median: 1,
    ratio: median,
  }
}
