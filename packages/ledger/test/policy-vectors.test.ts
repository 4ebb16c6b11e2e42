// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Json } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { sha256 } from '../src/sha256.ts'
import { logKeyVerifier } from '../src/verify/delegation.ts'
import { noteVerifier } from '../src/verify/note.ts'
import { followPolicy, openPolicy, type VerifiedPolicy } from '../src/verify/security-policy.ts'

type Row = { name: string; known?: string; document: string | null; envelope: Json; code?: string }
const path = join(import.meta.dirname, '../../../vectors/policies/signed.json')
const { trust, rows } = JSON.parse(readFileSync(path, 'utf8')) as {
  trust: { origin: string; tenant: string; log_key: string }
  rows: Row[]
}
const logKey = noteVerifier(sha256, trust.origin, Uint8Array.fromHex(trust.log_key))
const trusted = [logKeyVerifier(sha256, verifyEd25519, logKey)]

function received({ name, known, document, envelope }: Row): VerifiedPolicy {
  const opened = openPolicy(sha256, { envelope, document: document ?? undefined }, trusted, trust, name)
  const before = rows.find((row) => row.name === known)
  return followPolicy(before && received({ ...before, known: undefined } as unknown as Row), opened, name)
}

test('POL-2 a signed policy is what the pinned key says it is, whoever brings it', () => {
  assert.ok(rows.length > 20)
  for (const row of rows) {
    if (row.code === undefined) {
      const { statement, document, signers } = received(row)
      assert.equal(statement.digest === null, document === undefined, row.name)
      assert.deepEqual(signers, [trusted[0]?.keyid], row.name)
    } else assert.throws(() => received(row), { code: row.code }, row.name)
  }
})

test('an envelope spoilt anywhere is refused', () => {
  const [row] = rows as [Row]
  const text = JSON.stringify(row.envelope)
  for (let at = 0; at < text.length; at += 1) {
    const spoilt = text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
    let envelope: Json
    try {
      envelope = JSON.parse(spoilt) as Json
    } catch {
      continue
    }
    // keyid finds a signature and says nothing: an envelope counts by its signature alone.
    assert.throws(() => received({ ...row, envelope }), /POLICY_|DSSE_|JSON_/, spoilt)
  }
})
