// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Clock, systemClock } from '@sealwatch/base'
import type { Body } from '@sealwatch/ledger'
import { createOutbox } from './outbox.ts'
import { openStore } from './store.ts'

/** Its patience ends at once. */
const impatient: Clock = { ...systemClock, sleep: async () => undefined }
const act = (event_code: string) => ({ event: { metadata: { event_code } } }) as unknown as Body

test('LOG-6: an act that cannot be recorded fails, or is parked, as its class says', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-outbox-'))
  const store = openStore(dir.path)
  const outbox = createOutbox(store, impatient)
  const enqueue = (body: Body) => store.transaction((tx) => outbox.enqueue(tx, 'cluster', body))
  const key = { key: { key_id: 'x' } } as unknown as Body
  for (const body of [act('join_token_created'), act('host_enrolled'), act('subject_erased'), key]) {
    const uid = await enqueue(body)
    await assert.rejects(outbox.recorded(uid, 'an act'), { code: 'AUDIT_NOT_RECORDED', kind: 'unavailable' })
  }
  for (const body of [act('host_revoked'), act('chain_forked'), act('whatever comes')])
    assert.equal(await outbox.recorded(await enqueue(body), 'an act'), undefined)
  assert.equal((await outbox.waiting(99)).length, 7, 'whatever was said, every line waits to enter the ledger')
  await store.close()
})
