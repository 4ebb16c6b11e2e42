// SPDX-License-Identifier: Apache-2.0
//
// Writes vectors/ledger/registry-lines.json: lines about keys (line.md, 5), good and bad. The largest key is random, so run once:
// `node packages/ledger/test/write-registry-vectors.ts`. vectors.test.ts holds the code to what was written.

import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { canonicalize, type JsonObject } from '@sealwatch/base'
import { sha256 } from '../src/sha256.ts'
import { noHash, type RegistryChange } from '../src/verify/line.ts'
import { leafHash } from '../src/verify/merkle.ts'

const out = new URL('../../../vectors/ledger/registry-lines.json', import.meta.url).pathname
const at = (hour: number) => `2026-11-21T${String(hour).padStart(2, '0')}:00:00.000000000Z`
const envelope = { chain: 'a'.repeat(32), epoch: 0, prev: noHash, seq: 7, time: at(12), v: 3 }
const added: RegistryChange = {
  change: 'added',
  changed_at: at(12),
  producer: 'billing',
  producer_kind: 'service',
  key_id: 'billing-2026-11',
  algorithm: 'ed25519',
  public_key: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
  valid_from: at(12),
  valid_until: null,
  revoked_at: null,
  cause: null,
  compromised_since: null,
  state: 'active',
  source: 'api',
}
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 8192 })
const rsa = publicKey.export({ type: 'spki', format: 'der' }).toString('hex')
const line = (change: Partial<RegistryChange> | JsonObject = {}, more: JsonObject = {}) =>
  canonicalize({ ...envelope, ...more, registry: { ...added, ...change } })
const { cause: _, ...lacking } = added
const revoked = {
  change: 'revoked',
  revoked_at: at(13),
  cause: 'its disk was sold',
  compromised_since: at(11),
} as const
const good = {
  'a key is added': line(),
  'a key ends': line({ change: 'window', valid_until: at(20) }),
  'a key is revoked': line(revoked),
  'a key of a host is revoked': line({
    ...revoked,
    producer_kind: 'host',
    key_id: 'b'.repeat(64),
    source: 'enrolment',
  }),
  'a key is withdrawn': line({ change: 'withdrawn', valid_until: at(13), source: 'file' }),
  'a candidate': line({ state: 'candidate', algorithm: 'rsa-sha256', public_key: 'ab'.repeat(294) }),
  'the largest key': line({ algorithm: 'rsa-sha256', public_key: rsa }),
}
const bad = {
  'registry: version 1': line({}, { v: 1 }),
  'registry: a member less': canonicalize({ ...envelope, registry: lacking as JsonObject }),
  'registry: a member more': line({ by: 'person:p' }),
  'registry: another change': line({ change: 'deleted' }),
  'registry: a shared secret': line({ algorithm: 'hmac-sha256' }),
  'registry: half a byte': line({ public_key: `${added.public_key}0` }),
  'registry: a key that is too long': line({ public_key: 'ab'.repeat(1063) }),
  'registry: a key id with a space': line({ key_id: 'billing 2026' }),
  'registry: a time without nanoseconds': line({ valid_until: '2026-11-21T12:00:00Z' }),
  'registry: an empty cause': line({ cause: '' }),
}
const rows = [
  ...Object.entries(good).map(([name, text]) => ({
    name,
    line: text,
    hash: leafHash(sha256, Buffer.from(text)).toHex(),
  })),
  ...Object.entries(bad).map(([name, text]) => ({ name, line: text, code: 'LINE_MALFORMED' })),
]
await writeFile(out, `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`)
