// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { createLog, systemClock } from '@sealwatch/base'
import { limits, ShipRequestSchema } from '@sealwatch/contract'
import { type Tenant, tenantError } from '../tenants/index.ts'
import { type KeyRegistry, trustError } from '../trust/index.ts'
import { createAdmission, createRowBook, type Ingest } from './index.ts'

const position = { nextSeq: 7, tip: 'ab' }
const hostOf = (tenant: string) => ({ hostId: 'h', hostname: 'one', tenant })
const batchOf = (count: number) =>
  create(ShipRequestSchema, { chain: 'c', firstSeq: 0n, count, lines: Buffer.from('\n'.repeat(count)) })

/** An ingest that takes everything, in a time that the test holds. */
function room(tenants: Readonly<Record<string, Partial<Tenant>>>, linesPerSecond = 1_000) {
  let nowNs = 0n
  const taken: string[] = []
  const said: string[] = []
  const waiting: (() => void)[] = []
  let isHeld = false
  const rowBook = createRowBook()
  const ingest: Ingest = {
    position: async () => position,
    submit: async ({ tenant }, _tenant, { count }) => {
      if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve))
      taken.push(tenant)
      rowBook.arrive(tenant, count)('admitted', count)
      return { kind: 'acknowledged', nextSeq: count, leafIndex: 0 }
    },
  }
  const halted = new Set<string>()
  const keys = {
    of: () => ({
      checkRunning: (_kind: string, name: string, attempted: string) => {
        if (halted.has(name)) throw trustError('PRODUCER_HALTED', { attempted })
      },
    }),
  } as unknown as KeyRegistry
  const admission = createAdmission({
    keys,
    ingest,
    rowBook,
    registry: {
      find: (name) => tenants[name] as Tenant | undefined,
      checkActive: (name, attempted) => {
        if (tenants[name]?.state === 'suspended') throw tenantError('TENANT_SUSPENDED', { attempted })
        if (tenants[name]?.state !== 'active') throw tenantError('TENANT_UNKNOWN', { attempted })
      },
    },
    linesPerSecond,
    clock: { ...systemClock, monotonicNs: () => nowNs, nowMs: () => Number(nowNs / 1_000_000n) },
    log: createLog('test', (line) => said.push(line), systemClock.nowMs),
  })
  const ship = async (tenant: string, count: number, into = tenant) => {
    const outcome = await admission.submit(hostOf(tenant), into, batchOf(count))
    return outcome.kind === 'refused' ? outcome.error.code : outcome.kind
  }
  return {
    admission,
    rowBook,
    halted,
    taken,
    said,
    ship,
    pass: (ms: number) => {
      nowNs += BigInt(ms) * 1_000_000n
    },
    hold: () => {
      isHeld = true
    },
    letGo: () => {
      isHeld = false
      for (const go of waiting.splice(0)) go()
    },
  }
}

test('POL-1 what hosts of a suspended tenant bring comes again later, into whichever ledger it was to go', async () => {
  const { admission, ship, taken, rowBook, said } = room({ acme: { state: 'suspended' }, gone: { state: 'erasing' } })
  assert.equal(await ship('acme', 3), 'TENANT_SUSPENDED')
  assert.equal(await ship('acme', 2, 'cluster'), 'TENANT_SUSPENDED')
  assert.equal(await ship('gone', 1), 'TENANT_UNKNOWN')
  const refused = await admission.submit(hostOf('acme'), 'acme', batchOf(1))
  assert.ok(refused.kind === 'refused' && refused.error.kind === 'unavailable')
  assert.deepEqual(refused.expected, position, 'the host is told from where to go on')
  assert.deepEqual(taken, [])
  const { received, refused: sentBack } = rowBook.total()
  assert.deepEqual([received, sentBack], [7, 7])
  assert.equal(said.length, 2, 'one line for each tenant, not for each batch')
})

test('ING-7 of a host that was halted nothing is taken until it is resumed, and it is told to wait', async () => {
  const it = room({ acme: { state: 'active' } })
  it.halted.add(hostOf('acme').hostId)
  assert.equal(await it.ship('acme', 10), 'PRODUCER_HALTED')
  it.halted.clear()
  assert.equal(await it.ship('acme', 10), 'acknowledged')
})

test('a tenant brings what it may, after a rest more at once; its neighbours and the standing tenants are not held up', async () => {
  const { ship, pass, admission } = room({
    acme: { state: 'active' },
    slow: { state: 'active', linesPerSecond: 100 },
    default: { state: 'active' },
  })
  let batches = 0
  while ((await ship('acme', 1_000)) === 'acknowledged') batches += 1
  assert.equal(batches, 6, 'five seconds at once, and the batch that passes them')
  assert.equal(
    await ship('slow', limits.batchLinesMax),
    'acknowledged',
    'a whole batch is always let through in the end',
  )
  assert.equal(await ship('slow', 1), 'TENANT_LIMITED')
  for (let i = 0; i < 100; i += 1) assert.equal(await ship('default', limits.batchLinesMax), 'acknowledged')
  pass(1_000)
  assert.equal(await ship('acme', 1_000), 'acknowledged')
  assert.equal(await ship('acme', 1_000), 'TENANT_LIMITED')
  assert.equal(await ship('slow', 1), 'TENANT_LIMITED')
  pass(36_000)
  assert.equal(await ship('slow', 1), 'acknowledged')
  assert.deepEqual(admission.lines.get('acme'), { received: 9_000, held: 2_000 })
})

test('nothing of a tenant is under way once it has settled', async () => {
  const { admission, ship, hold, letGo, taken } = room({ acme: { state: 'active' } })
  hold()
  const [first, second] = [ship('acme', 1), ship('acme', 1)]
  let isSettled = false
  const settled = admission.settled('acme').then(() => {
    isSettled = true
  })
  await new Promise(setImmediate)
  assert.equal(isSettled, false)
  letGo()
  await Promise.all([first, second, settled])
  assert.equal(taken.length, 2)
})
