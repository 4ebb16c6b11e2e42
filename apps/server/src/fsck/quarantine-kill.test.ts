// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { openRooms, temporary } from '../ingest/rows/test/open-rows.ts'
import { fsckDir } from './test/fsck-dir.ts'

const child = join(import.meta.dirname, 'test/keep-child.ts')

/** Runs it until it acknowledged so many items, then kills it; those that it acknowledged. */
async function keepUntil(dir: string, items: number): Promise<string[]> {
  const running = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', child, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(running, 'close')
  const said: string[] = []
  for await (const line of createInterface({ input: running.stdout })) {
    if (/^[0-9a-f]{64}$/.test(line)) said.push(line)
    if (said.length === items) running.kill('SIGKILL')
  }
  assert.equal((await ended)[1], 'SIGKILL')
  return said
}

test('ING-3 ING-8 kill -9 in the midst of a spike: whatever was acknowledged is kept, and fsck finds nothing', async () => {
  await using dir = await temporary()
  const acknowledged: string[] = []
  for (const items of [1, 60, 200]) {
    acknowledged.push(...(await keepUntil(dir.path, items)))
    await using rooms = await openRooms(dir.path)
    await rooms.replays.settle('acme')
    const rows = await rooms.store.db
      .selectFrom('audit_signature_quarantine')
      .selectAll()
      .where('tenant', '=', 'acme')
      .execute()
    // What was killed between item and stub was not acknowledged, and nothing of it is left in the way of what comes again.
    assert.deepEqual(
      rows.filter(({ stub_leaf_index }) => stub_leaf_index === null),
      [],
    )
    const byItem = new Map(rows.map((row) => [row.item, row]))
    for (const item of acknowledged) {
      const row = byItem.get(item)
      assert.ok(row !== undefined && row.stub_leaf_index !== null, `${item} has no row, or no stub`)
      assert.equal((await rooms.quarantine.read('acme', row)).beside?.receivedAt, row.received_at)
    }
  }
  const { ok, database, quarantine } = await fsckDir(dir.path)
  assert.deepEqual([ok, database], [true, []])
  const [total] = quarantine
  assert.ok(total !== undefined && total.items >= acknowledged.length && total.waiting === total.items)
})
