// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sampleSignInEvents } from './sample-events.ts'

const vectors = join(import.meta.dirname, '../../../../../vectors/events')

// Whether they are what OCSF asks for is judged in packages/contract, with all other vectors.
for (const [name, event] of Object.entries(sampleSignInEvents()))
  test(`what the ledger says of people is as vectors/events has it: ${name}`, () => {
    assert.deepEqual(JSON.parse(JSON.stringify(event)), JSON.parse(readFileSync(join(vectors, `${name}.json`), 'utf8')))
  })
