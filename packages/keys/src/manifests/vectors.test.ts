// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isSealwatchError, parseRfc3339 } from '@sealwatch/base'
import { type DsseEnvelope, parseDsse } from '../dsse.ts'
import { manifestCrypto as crypto } from '../manifest-crypto.ts'
import { digestOfChange } from './change.ts'
import { digestHexOf } from './count.ts'
import { checkChange, checkUnapplied, type ManifestAction, openManifest } from './manifest.ts'
import { checkFresh, openRootChain } from './root-chain.ts'

type Case = { name: string; clause: string; now: string; expect: string; signers?: string[] }
type RootCase = Case & { pinned: string; envelopes: DsseEnvelope[]; version?: number }
type ManifestCase = Case & {
  roots: [DsseEnvelope, ...DsseEnvelope[]]
  deployment: string
  action: ManifestAction
  digest: string
  applied: string[]
  envelope: DsseEnvelope
}
const casesOf = async <T>(name: string) =>
  JSON.parse(await readFile(new URL(`../../../../vectors/manifests/${name}.json`, import.meta.url), 'utf8')) as T[]

const attempted = 'judging a vector'
const ns = (time: string) => parseRfc3339(time) as bigint

function outcome<T>(judge: () => T): T | string {
  try {
    return judge()
  } catch (error) {
    if (isSealwatchError(error)) return error.code
    throw error
  }
}

test('SIG-5: the vectors of trust roots', async () => {
  for (const one of await casesOf<RootCase>('roots')) {
    const found = outcome(() => {
      const envelopes = one.envelopes.map((envelope) => parseDsse(envelope, attempted))
      const root = openRootChain(one.pinned, envelopes, crypto, attempted)
      checkFresh(root, ns(one.now), attempted)
      return root
    })
    assert.equal(typeof found === 'string' ? found : 'ok', one.expect, one.name)
    if (typeof found === 'string') continue
    assert.equal(found.root.version, one.version, one.name)
    const owners = found.count.signers.map(({ owner }) => owner)
    if (one.signers !== undefined) assert.deepEqual(owners, one.signers, one.name)
  }
})

test('SIG-5: the vectors of manifests', async () => {
  for (const one of await casesOf<ManifestCase>('manifests')) {
    const root = openRootChain(digestHexOf(one.roots[0], crypto), one.roots, crypto, attempted)
    const found = outcome(() => {
      const judging = { root, deployment: one.deployment, nowNs: ns(one.now) }
      const opened = openManifest(parseDsse(one.envelope, attempted), judging, crypto, attempted)
      checkChange(opened.manifest, one, attempted)
      checkUnapplied(opened.manifest, (nonce) => one.applied.includes(nonce), attempted)
      return opened
    })
    assert.equal(typeof found === 'string' ? found : 'ok', one.expect, one.name)
    if (typeof found === 'string') continue
    assert.equal(found.proof.threshold, 3)
    assert.equal(found.proof.digestHex, digestHexOf(one.envelope, crypto))
    const owners = found.proof.signatures.map(({ owner }) => owner)
    if (one.signers !== undefined) assert.deepEqual(owners, one.signers, one.name)
  }
})

test('manifest.md, 3: the digest is of the canonical JSON of the change', () => {
  const strictOff = digestOfChange({ tenant: 'acme', for_seconds: 259_200, action: 'strict-off' }, crypto)
  const text = '{"action":"strict-off","for_seconds":259200,"tenant":"acme"}'
  assert.equal(strictOff, createHash('sha256').update(text).digest('hex'))
})

test('manifest.md, 8: openssl finds the same signers, and too few of them', async () => {
  const page = await readFile(new URL('../../../../docs/formats/manifest.md', import.meta.url), 'utf8')
  const commands = /```sh\n(.*?)```/s.exec(page)?.[1] as string
  const dir = await mkdtemp(join(tmpdir(), 'manifest-'))
  try {
    for (const one of (await casesOf<ManifestCase>('manifests')).filter(({ name }) =>
      ['three of five', 'two of five'].includes(name),
    )) {
      await writeFile(join(dir, 'manifest.json'), JSON.stringify(one.envelope))
      await writeFile(join(dir, 'root.json'), Buffer.from(one.roots[0].payload, 'base64'))
      const { status, stdout } = spawnSync('bash', ['-c', commands], { cwd: dir, encoding: 'utf8' })
      assert.equal(status === 0, one.expect === 'ok', one.name)
      if (one.expect === 'ok') assert.deepEqual(stdout.trim().split('\n').sort(), one.signers?.toSorted(), one.name)
    }
  } finally {
    await rm(dir, { recursive: true })
  }
})
