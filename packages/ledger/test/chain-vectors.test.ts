// SPDX-License-Identifier: Apache-2.0
// Holds the code to vectors/chain: chains with epochs as they were frozen, good and bad.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { sha256 } from '../src/sha256.ts'
import { type ChainFilesReport, createChainFilesVerifier } from '../src/verify/index.ts'

const read = (file: string) => readFileSync(new URL(`../../../vectors/chain/${file}`, import.meta.url), 'utf8')
type Row = { name: string; files: Record<string, string>; keys: string[]; code?: string; fileLine?: number }
const rows = JSON.parse(read('chains.json')) as Row[]
const hostKey = Uint8Array.fromHex(read('host.key').trim())

function judge({ files, keys }: Row): ChainFilesReport {
  const verifier = createChainFilesVerifier({ sha256, verify: verifyEd25519, hostKey, tenant: 'default' })
  try {
    for (const [name, text] of Object.entries(files)) {
      verifier.file(name)
      for (const line of text.split('\n').slice(0, -1)) verifier.line(Buffer.from(line))
    }
    verifier.end(keys)
    return verifier.report()
  } catch (error) {
    if (isSealwatchError(error)) return verifier.report(error)
    throw error
  }
}

for (const row of rows)
  test(`chain: ${row.name}`, () => {
    const { ok, problem } = judge(row)
    assert.deepEqual([ok, problem?.code, problem?.fileLine], [row.code === undefined, row.code, row.fileLine])
  })

test('no byte of a good chain may be another: none but those behind the last head is not signed', () => {
  const row = rows.find(({ name }) => name === 'a closed one') as Row
  const [file, text] = Object.entries(row.files)[0] as [string, string]
  for (let at = 0; at < text.length; at += 7) {
    const other = text[at] === '0' ? '1' : '0'
    const changed = text.slice(0, at) + other + text.slice(at + 1)
    assert.equal(judge({ ...row, files: { [file]: changed } }).ok, false, `byte ${at}: ${text.slice(at - 20, at + 5)}`)
  }
})
