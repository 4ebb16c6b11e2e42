// SPDX-License-Identifier: Apache-2.0
// vectors/submission/leaves.json: what a reader makes of rows that services signed (submission.md, 6).

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import { verifyEd25519, verifyRsa } from '@sealwatch/keys'
import { sha256 } from '../src/sha256.ts'
import { parseLine } from '../src/verify/index.ts'
import { createLeafJudge } from '../src/verify/leaf-judge.ts'
import { origins } from './sample.ts'

const path = new URL('../../../vectors/submission/leaves.json', import.meta.url)
const ledgers = JSON.parse(readFileSync(path, 'utf8')) as { name: string; leaves: string[]; code?: string }[]

function codeOf(leaves: readonly string[]): string | undefined {
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
  assert.deepEqual([judge.counts.signedByService, judge.counts.notCovered], [rows, 0])
  return undefined
}

for (const { name, leaves, code } of ledgers)
  test(`ING-2 in a ledger: ${name}`, () => {
    assert.equal(codeOf(leaves), code)
  })
