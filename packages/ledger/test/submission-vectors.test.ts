// SPDX-License-Identifier: Apache-2.0
// vectors/submission: what a reader makes of rows that services signed (submission.md, 6).

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import { verifyEd25519, verifyRsa } from '@sealwatch/keys'
import { sha256 } from '../src/sha256.ts'
import { parseLine } from '../src/verify/index.ts'
import { createLeafJudge } from '../src/verify/leaf-judge.ts'
import { origins } from './sample.ts'

type Golden = { name: string; leaves: string[]; code?: string; unverified?: boolean }
const golden = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../../vectors/submission/${name}.json`, import.meta.url), 'utf8')) as Golden[]

function codeOf({ leaves, unverified = false }: Golden): string | undefined {
  const crypto = { sha256, verify: verifyEd25519, verifyRsa }
  const judge = createLeafJudge({ ...crypto, tenant: 'default', origin: origins.tenant })
  try {
    for (const text of leaves) judge.take(parseLine(sha256, Buffer.from(text), 'testing'), 'testing')
  } catch (error) {
    if (!isSealwatchError(error)) throw error
    return error.code
  }
  if (judge.uncovered > 0) return 'UNCOVERED'
  const rows = leaves.filter((text) => text.includes('"row":')).length
  const { signedByService, unverified: marked, notCovered } = judge.counts
  assert.deepEqual([signedByService, marked, notCovered], unverified ? [0, rows, 0] : [rows, 0, 0])
  return undefined
}

for (const one of golden('leaves'))
  test(`ING-2 in a ledger: ${one.name}`, () => {
    assert.equal(codeOf(one), one.code)
  })

for (const one of golden('windows'))
  test(`ING-2 ING-1 a reader judges the key as of receipt: ${one.name}`, () => {
    assert.equal(codeOf(one), one.code)
  })

test('behind a gap a reader refuses what no line can have mended: a revocation is for good', () => {
  const gapped = (name: string) => {
    const judge = createLeafJudge({ sha256, verify: verifyEd25519, tenant: 'default', origin: origins.tenant })
    const leaves =
      golden('windows')
        .find((one) => one.name === name)
        ?.leaves.map((text) => Buffer.from(text)) ?? []
    for (const [i, text] of leaves.entries()) {
      // The anchor and the key are there, and something was left out before the rows.
      if (i === 3) judge.skip(0)
      judge.take(parseLine(sha256, text, 'testing'), 'testing')
    }
    return judge.counts.signedByService
  }
  assert.equal(gapped('received as it ended'), 2)
  assert.throws(() => gapped('received as it was revoked'), { code: 'BUNDLE_ALTERED' })
})
