// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, describe, test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import { testIo } from '../../test/test-io.ts'
import { placeOf } from '../place.ts'
import { startDetached } from './detach.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root'

describe('a start in the background', { skip }, () => {
  let root: string
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'sealwatch-detach-'))
    mkdirSync(join(root, 'apps/cli/src'), { recursive: true })
  })
  after(() => rmSync(root, { recursive: true }))

  async function startOf(program: string): Promise<unknown> {
    writeFileSync(join(root, 'apps/cli/src/main.ts'), program)
    const view = { progress: () => undefined, notice: () => undefined }
    return await startDetached(testIo({ root }), placeOf(join(root, 'data')), ['up'], view).catch((error) => error)
  }

  test('that is stopped before it is ready says that it was', async () => {
    const error = await startOf('')
    assert.ok(isSealwatchError(error, 'CLI_STOPPED'))
    assert.equal(error.received, undefined)
  })

  test('that is stopped while something was in its way says what that was', async () => {
    const progress = { step: 'agent', state: 'troubled', detail: 'connect ECONNREFUSED', ms: 0 }
    const error = await startOf(
      `process.send(${JSON.stringify({ kind: 'progress', progress })}, () => process.exit(0))`,
    )
    assert.ok(isSealwatchError(error, 'CLI_STOPPED'))
    assert.match(error.received ?? '', /ECONNREFUSED/)
  })

  test('that dies says how', async () => {
    const error = await startOf('process.exit(7)')
    assert.ok(isSealwatchError(error, 'CLI_START_FAILED'))
    assert.match(error.received ?? '', /exit 7/)
  })
})
