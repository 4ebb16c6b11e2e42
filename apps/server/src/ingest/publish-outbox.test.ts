// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLog, errorsOf, systemClock } from '@sealwatch/base'
import { type Ledger, ledgerErrors } from '@sealwatch/ledger'
import { createOutbox, openEntries, openStore } from '../store/index.ts'
import { type Ledgers, publishOutbox } from './index.ts'

test('a line for a ledger that is not open waits, and holds up nobody else', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-publish-'))
  const store = openStore(dir.path)
  const outbox = createOutbox(store)
  const entries = openEntries(store.indexPath)
  const entered = entries.prepare('INSERT INTO own_entries (tenant, leaf_index, uid) VALUES (?, ?, ?)')
  const enqueue = async (tenant: string, n: number) => {
    const uid = await store.transaction((tx) => outbox.enqueue(tx, tenant, { event: { n } }))
    outbox.ring()
    return uid
  }
  const open = new Set(['cluster'])
  const uids = new Map<string, string>()
  let leaf = 0
  /** Appended is indexed at once; `closing` is closed while it is asked. */
  const ledgerOf = (tenant: string) =>
    ({
      append: async ({ own }: { own: { event: { n: number } } }) => {
        if (tenant === 'closing') throw errorsOf(ledgerErrors)('LEDGER_CLOSED', { attempted: 'testing' })
        const uid = uids.get(`${tenant} ${own.event.n}`) as string
        entered.run(tenant, leaf, uid)
        await outbox.settle(tenant, leaf, [uid])
        return { first: leaf++, next: leaf }
      },
    }) as unknown as Ledger
  const put = async (tenant: string, n: number) => {
    const uid = await enqueue(tenant, n)
    uids.set(`${tenant} ${n}`, uid)
    return uid
  }
  const first = await put('later', 1)
  const second = await put('cluster', 2)
  const over = new AbortController()
  const publishing = publishOutbox({
    outbox,
    ledgers: { has: (tenant: string) => open.has(tenant), get: ledgerOf } as unknown as Ledgers,
    indexed: Promise.resolve(),
    clock: systemClock,
    log: createLog('test', () => undefined, systemClock.nowMs),
    signal: over.signal,
  })
  await outbox.committed(second)
  assert.equal(await outbox.placed(first), undefined)
  open.add('closing')
  await put('closing', 3)
  await outbox.committed(await put('cluster', 4))
  open.add('later')
  outbox.ring()
  await outbox.committed(first)
  await outbox.drained('later', over.signal)
  assert.deepEqual(
    (await outbox.waiting(9)).map(({ tenant }) => tenant),
    ['closing'],
  )
  over.abort()
  await publishing
  entries.close()
  await store.close()
})
