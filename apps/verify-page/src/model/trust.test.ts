// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cosignerKey, formatCosignerVkey, formatVkey, noteVerifier } from '@sealwatch/ledger/verify'
import { sha256 } from './sha256.ts'
import { policyOf, readTrust } from './trust.ts'

const raw = Uint8Array.fromHex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
const ledger = formatVkey(noteVerifier(sha256, 'd1/root', raw))
const witness = formatCosignerVkey(cosignerKey(sha256, 'witness.example/w1', raw))

const none = { vkeys: [], witnesses: [], policy: undefined, wrong: [] }

test('keys come in lists of any form, and in a trust.json; those of witnesses are told by their type', () => {
  for (const text of [`${ledger}\n${witness}`, `  ${witness},${ledger} `, `${ledger}\r\n\r\n${witness}\n${ledger}`])
    assert.deepEqual(readTrust(text), { ...none, vkeys: [ledger], witnesses: [witness] })
  const file = JSON.stringify({ deployment: 'd1', ledgerKeys: [ledger], caFingerprint: '' }, undefined, 2)
  assert.deepEqual(readTrust(file), { ...none, vkeys: [ledger] })
  assert.deepEqual(readTrust(' \n'), none)
})

test('what is no key is named, and no key is made of it', () => {
  const altered = ledger.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
  for (const text of ['hello', altered, ledger.slice(0, -1), '{', '{"ledgerKeys":"x"}', 'x'.repeat(70_000)]) {
    const { vkeys, witnesses, wrong } = readTrust(text)
    assert.deepEqual([vkeys, witnesses, wrong.length], [[], [], 1], text.slice(0, 60))
  }
  assert.deepEqual(readTrust(`${ledger} nonsense`), { ...none, vkeys: [ledger], wrong: ['nonsense'] })
})

test('named witnesses must all have cosigned, or as many as a policy says', () => {
  assert.equal(policyOf(readTrust(ledger)), undefined)
  const all = policyOf(readTrust(`${ledger} ${witness}`))
  assert.deepEqual([all?.witnesses.length, 'atLeast' in (all?.quorum ?? {})], [1, true])
  const text = `log ${ledger}\nwitness w1 ${witness}\ngroup any 1 w1\nquorum any`
  const given = readTrust(text)
  assert.deepEqual([given.vkeys, given.wrong, given.policy], [[ledger], [], `${text}\n`])
  assert.equal(policyOf(given)?.witnesses[0]?.name, 'w1')
  assert.match(readTrust('quorum nobody').wrong[0] ?? '', /POLICY_MALFORMED/)
})
