// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import { createOutbox, openStore } from '../../store/index.ts'
import { createSplitViewAlarm } from './alarm.ts'
import type { SplitViewFound } from './split-view.ts'

const found: SplitViewFound = {
  witness: 'w1',
  kind: 'not_extended',
  theirSize: 7,
  ours: 'd1/root\n9\nours\n\n— d1/root AAAA\n',
  theirs: 'd1/root\n7\ntheirs\n\n— d1/root BBBB\n',
  proven: true,
}

test('a split view is a critical alert of the deployment, with both checkpoints', async () => {
  const store = openStore(':memory:')
  const outbox = createOutbox(store)
  const said: { level: string; msg: string }[] = []
  const log = createLog(
    'test',
    (line) => said.push(JSON.parse(line)),
    () => 0,
  )
  const device = { uid: 'd1', hostname: 'here', type_id: 0, type: 'Unknown', boot_uid: 'boot' }
  const voice = { device, version: '1' } as unknown as Parameters<typeof createSplitViewAlarm>[0]['voice']
  const over = new AbortController()
  const rung = outbox.wait(over.signal)
  createSplitViewAlarm({ store, outbox, voice, clock: systemClock, log })(found)
  await rung
  assert.deepEqual(
    said.map(({ level }) => level),
    ['critical'],
  )
  const [row, ...more] = await outbox.waiting(10)
  assert.deepEqual([row?.tenant, more], ['cluster', []])
  const { event } = (row as { body: unknown }).body as {
    event: Record<string, unknown> & { evidences: { data: object }[] }
  }
  assert.deepEqual([event.class_uid, event.severity, event.is_alert], [2004, 'Critical', true])
  assert.equal(
    event.message,
    'the witness w1 has cosigned a tree that the one of this server does not extend, and our log key signed both',
  )
  const { ours, theirs } = found
  assert.deepEqual(event.evidences, [{ data: { kind: 'not_extended', ours, theirs, their_size: 7, proven: true } }])
  await store.close()
})
