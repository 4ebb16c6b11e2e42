// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import process from 'node:process'
import { test } from 'node:test'
import { promisify } from 'node:util'

const program = `
import { generateKeyPairSync } from 'node:crypto'
import { keySigner } from './index.ts'
const signed = await keySigner('k-1', generateKeyPairSync('ed25519').privateKey).sign(new Uint8Array(3), AbortSignal.abort())
console.log(signed.length)
process.emitWarning('of the service', 'ExperimentalWarning')
`

test('a service that imports the producer and signs is told nothing by it, and its own warnings stay', async () => {
  const child = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: import.meta.dirname,
    env: {},
  })
  const { stdout, stderr } = await child
  assert.equal(stdout, '64\n')
  assert.match(stderr, /^\(node:\d+\) ExperimentalWarning: of the service\n/)
  assert.equal(stderr.match(/Warning: /g)?.length, 1, stderr)
})
