// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempDisposable, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock as clock, createLog, systemDisk as disk } from '@sealwatch/base'
import { createHealth } from '@sealwatch/base/health'
import { across, createOutbox, openStore } from '../../store/index.ts'
import { openKeyRegistry } from '../index.ts'
import { addTrustHealth, watchTrustStore } from './watch.ts'

const log = createLog('test', () => undefined, clock.nowMs)
const voice = { device: { uid: 'd', hostname: 'h', type_id: 0, type: 'Unknown', os: {} }, version: '0' } as never
const good = JSON.stringify({ version: 1, tenants: {} })

/** The watch over a file of its own. `told`: how often the ledger was told that the file is bad. */
async function room() {
  await using stack = new AsyncDisposableStack()
  const dir = stack.use(await mkdtempDisposable(join(tmpdir(), 'sealwatch-watch-')))
  const path = join(dir.path, 'trust.json')
  const store = openStore(':memory:')
  stack.defer(() => store.close())
  const outbox = createOutbox(store, clock)
  const keys = await openKeyRegistry({ store, outbox, versionOf: () => 0 })
  const checkTenant = () => undefined
  const watch = watchTrustStore({ path, store, outbox, keys, checkTenant, disk, voice, clock, log })
  const kept = stack.move()
  return {
    path,
    look: watch.look,
    watch,
    problem: () => watch.problem?.received,
    /** Puts it there at once, whatever stood there. */
    put: async (text: string) => {
      await writeFile(`${path}.new`, text)
      await rename(`${path}.new`, path)
    },
    told: async () => (await across(store.db, 'outbox').selectFrom('outbox').select('body').execute()).length,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

test('ING-5 a pipe in the place of the file is a bad file, and the good one behind it is read', async () => {
  await using it = await room()
  await it.put(good)
  await it.look()
  assert.equal(it.problem(), undefined)
  execFileSync('mkfifo', [`${it.path}.pipe`])
  await rename(`${it.path}.pipe`, it.path)
  await it.look()
  await it.look()
  assert.match(it.problem() ?? '', /not a regular file/)
  await it.put(good)
  await it.look()
  assert.equal(it.problem(), undefined)
})

test('ING-5 a bad file that is another one at each look is told of, once; what a look meets half-written alone is not', async () => {
  await using it = await room()
  await it.put('half-writ')
  await it.look()
  await it.put(good)
  await it.look()
  assert.deepEqual([it.problem(), await it.told()], [undefined, 0])
  for (const text of ['{1', '{2', '{3', '{4']) {
    await it.put(text)
    await it.look()
  }
  assert.match(it.problem() ?? '', /line 1/)
  assert.equal(await it.told(), 1)
  await it.look()
  await it.look()
  assert.equal(await it.told(), 2, 'what stays is told of by itself')
  await it.put(good)
  await it.look()
  assert.equal(it.problem(), undefined)
})

test('ING-5 a bad file whose fault is cut within a character is told of as any other: its line can stand in a ledger', async () => {
  await using it = await room()
  for (const name of [`${'😀'.repeat(400)}`, `a${'😀'.repeat(400)}`]) {
    await it.put(`{"version":1,"tenants":{},"${name}":1}`)
    await it.look()
    await it.look()
    assert.match(it.problem() ?? '', /Unrecognized key/)
  }
  assert.ok((await it.told()) > 0)
})

test('ING-5 /healthz and status tell of a bad file: where it is, since when it is not taken, and why', async () => {
  await using it = await room()
  const health = createHealth({ component: 'test', version: '1', clock, log })
  addTrustHealth(health, it.watch)
  const shown = () => {
    const { status, trust_store } = health.liveness() as { status: string; trust_store: Record<string, unknown> }
    assert.deepEqual(trust_store, { level: status, ...it.watch.state })
    return [status, it.watch.state?.path, it.watch.state?.problem] as const
  }
  const since = () => it.watch.state?.since ?? ''
  assert.equal(since(), '')
  await it.put(good)
  await it.look()
  assert.deepEqual(shown(), ['ok', it.path, null])
  const takenAt = since()
  await it.put('{')
  await it.look()
  await it.look()
  assert.deepEqual(shown(), ['warning', it.path, it.problem()])
  const badSince = since()
  assert.ok(takenAt !== '' && badSince > takenAt)
  await it.look()
  assert.equal(since(), badSince)
  await it.put(good)
  await it.look()
  assert.deepEqual(shown(), ['ok', it.path, null])
  assert.ok(since() > badSince)
})
