// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { systemClock } from '@sealwatch/base'
import { keepThreads } from './kept-thread.ts'

const entry = `import { parentPort } from 'node:worker_threads'
import { twice } from './twice.ts'
parentPort?.on('message', (number: number) => parentPort?.postMessage(twice(number)))`

test('a thread is started again from what the first one loaded, when its code can be read no more', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-kept-'))
  writeFileSync(join(dir, 'entry.ts'), entry)
  writeFileSync(join(dir, 'twice.ts'), 'export const twice = (number: number): number => 2 * number')
  const threads = keepThreads(pathToFileURL(join(dir, 'entry.ts')), systemClock)
  {
    await using first = await threads.start()
    assert.equal(await first.ask(2, 10_000), 4)
  }
  rmSync(dir, { recursive: true })
  await using second = await threads.start()
  assert.equal(await second.ask(3, 10_000), 6)
  await assert.rejects(keepThreads(pathToFileURL(join(dir, 'entry.ts')), systemClock).start(), /did not start/)
})
