// SPDX-License-Identifier: Apache-2.0
// LOG-6: the ledger of the cluster tells of each run of the server, and of one that was cut off.

import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startServer, type TestServer } from './server.ts'

/** Oldest first. */
async function told(server: TestServer): Promise<string[]> {
  // What was enqueued stands there before what comes after it.
  await server.root('cluster').call('createTenant', { body: { name: `after-${Date.now()}` } })
  const { items } = await server
    .root('cluster')
    .call('listEvents', { query: { order: 'oldest', filter: 'class = lifecycle and source = server', limit: 100 } })
  return items.map(({ line }) => String((line.event as { message?: string }).message))
}

test('a run that ended by itself is told apart from one that was cut off', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-test-life-'))
  const cut = mkdtempSync(join(tmpdir(), 'sealwatch-test-life-'))
  try {
    {
      await using first = await startServer({}, undefined, { dir })
      assert.deepEqual(await told(first), ['the server started'])
      // As a disk is found after a power cut.
      cpSync(dir, cut, { recursive: true, filter: (path) => !path.endsWith('.sock') })
    }
    {
      await using second = await startServer({}, undefined, { dir })
      assert.deepEqual(
        (await told(second)).map((message) => message.split(':')[0]),
        ['the server started', 'the server stops', 'the server started'],
      )
    }
    await using third = await startServer({}, undefined, { dir: cut })
    const messages = await told(third)
    assert.equal(messages.length, 2)
    assert.match(messages[1] ?? '', /^the server started; the one before, running since \d{4}-.*Z, ended without/)
  } finally {
    for (const one of [dir, cut]) rmSync(one, { recursive: true, force: true })
  }
})
