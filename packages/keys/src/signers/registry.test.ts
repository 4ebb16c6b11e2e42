// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemDisk } from '@sealwatch/base'
import { mockKey } from './mock.ts'
import { admitSigner } from './registry.ts'

const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-registry-'))
const [first, second, third] = ['a', 'b', 'c'].map((text) => mockKey('ed25519', text)) as [
  ReturnType<typeof mockKey>,
  ReturnType<typeof mockKey>,
  ReturnType<typeof mockKey>,
]

async function registry() {
  const dir = await temporary()
  const path = join(dir.path, 'signers.json')
  const admit = (signer: typeof first, successor?: string, isPinned = false, signedLast?: string) =>
    admitSigner(
      {
        path,
        disk: systemDisk,
        nowNs: 1_800_000_000_000_000_000n,
        isPinned: () => isPinned,
        signedLast: async () => signedLast,
      },
      signer,
      successor,
    )
  return { path, admit, [Symbol.asyncDispose]: () => dir.remove() }
}

test('the first key is recorded, found again, and another one refused with the way out', async () => {
  await using of = await registry()
  assert.equal(await of.admit(first), 'first')
  assert.equal(await of.admit(first), 'known')
  const before = await readFile(of.path, 'utf8')
  await assert.rejects(of.admit(second), {
    code: 'SIGNER_CHANGED',
    received: JSON.stringify(`${second.keyId} where ${first.keyId} is recorded`),
    advice: /docs\/key_rotation.md.*AUDIT_SIGNING_NEW_KEY_ID/,
  })
  await assert.rejects(of.admit(second, third.keyId), { code: 'SIGNER_CHANGED' })
  assert.equal(await readFile(of.path, 'utf8'), before)
})

test('a key that is named as the new one takes the place of the old one, which never comes back', async () => {
  await using of = await registry()
  await of.admit(first)
  assert.equal(await of.admit(second, second.keyId), 'replaced')
  assert.equal(await of.admit(second, second.keyId), 'known')
  assert.equal(await of.admit(second), 'known')
  await assert.rejects(of.admit(first, first.keyId), { code: 'SIGNER_CHANGED', received: /replaced before/ })
})

test('a key that others pin is not replaced, by whatever name, and the record stays', async () => {
  await using of = await registry()
  await of.admit(first)
  const before = await readFile(of.path, 'utf8')
  await assert.rejects(of.admit(second, second.keyId, true), { code: 'SIGNER_PINNED' })
  assert.equal(await readFile(of.path, 'utf8'), before)
  assert.equal(await of.admit(first, undefined, true), 'known')
})

test('SIG-3 where the record is gone the key that signed last is compared, and no other is taken for the first one', async () => {
  await using of = await registry()
  const lacking = { code: 'SIGNER_CHANGED', received: /has signed/, advice: /AUDIT_SIGNING_NEW_KEY_ID/ }
  await assert.rejects(of.admit(second, undefined, false, first.keyId), lacking)
  await assert.rejects(of.admit(second, third.keyId, false, first.keyId), lacking)
  await assert.rejects(of.admit(second, second.keyId, true, first.keyId), { code: 'SIGNER_PINNED' })
  await assert.rejects(readFile(of.path), { code: 'ENOENT' })
  assert.equal(await of.admit(second, second.keyId, false, first.keyId), 'replaced')
  await rm(of.path)
  assert.equal(await of.admit(second, undefined, true, second.keyId), 'found')
  assert.equal(await of.admit(second, undefined, true, second.keyId), 'known')
})

test('the same key kept elsewhere is the same key', async () => {
  await using of = await registry()
  await of.admit(first)
  const moved = { ...first, backend: 'aws-kms', location: 'arn:aws:kms:x' } as const
  assert.equal(await of.admit(moved), 'moved')
  assert.equal(await of.admit(moved), 'known')
  assert.match(await readFile(of.path, 'utf8'), /arn:aws:kms:x/)
})

test('a registry that cannot be read is not begun anew', async () => {
  await using of = await registry()
  await of.admit(first)
  const whole = await readFile(of.path, 'utf8')
  const damaged = ['', '{}', '{"signers":[]}', whole.replace('ed25519', 'rsa'), whole.slice(0, -9), `${whole}${whole}`]
  for (const text of [
    ...damaged,
    whole.replace('{"signers"', '{"a":1,"signers"'),
    whole.replace('"since"', '"Since"'),
  ]) {
    await writeFile(of.path, text)
    await assert.rejects(of.admit(first), { code: 'SIGNER_REGISTRY_DAMAGED' }, text)
    assert.equal(await readFile(of.path, 'utf8'), text)
  }
})
