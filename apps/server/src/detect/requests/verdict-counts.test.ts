// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, systemClock } from '@sealwatch/base'
import type { RecordOptions } from '../../identity/index.ts'
import { createVerdictCounts } from './verdict-counts.ts'

const voice = { device: { uid: 'server', hostname: 'server', type_id: 0, type: 'Unknown' }, version: '0.1.0' }
type Line = { readonly tenant: string; readonly said: unknown; readonly message: unknown; readonly by: unknown }

function room() {
  const disk = { fails: false, duringWrite: () => {} }
  const lines: Line[] = []
  let nowNs = 1_000_000_000n
  const complaints: string[] = []
  const options = {
    store: {
      transaction: async (act: (tx: unknown) => unknown) => {
        if (disk.fails) {
          disk.duringWrite()
          throw new Error('the disk is full')
        }
        return act(undefined)
      },
    },
    outbox: {
      enqueue: async (_: unknown, tenant: string, { event }: { readonly event: Record<string, never> }) => {
        const { unmapped, message, actor } = event as Record<string, Record<string, unknown>>
        lines.push({ tenant, said: unmapped?.request_verdicts, message, by: actor?.user })
      },
      ring: () => undefined,
    },
    voice,
    clock: { ...systemClock, nowNs: () => nowNs, sleep: async () => undefined },
    log: createLog('test', (line) => complaints.push(line), systemClock.nowMs),
  } as unknown as RecordOptions & Parameters<typeof createVerdictCounts>[0]
  const counts = createVerdictCounts(options)
  /** An hour, and the end of it. */
  const hour = async () => {
    nowNs += 3_600_000_000_000n
    const stop = new AbortController()
    const running = counts.run(stop.signal)
    stop.abort()
    await running
  }
  return { counts, hour, lines, complaints, disk }
}

test('DET-1 every verdict is counted in the ledger of its tenant, by what it is worth and what was told', async () => {
  const { counts, hour, lines } = room()
  for (let n = 0; n < 3; n += 1) counts.note('acme', 'allow', 'allow')
  counts.note('acme', 'block', 'observe')
  counts.note('zeta', 'block', 'block')
  await hour()
  assert.deepEqual(
    lines.map(({ tenant, message }) => [tenant, message]),
    [
      ['acme', 'requests of services were judged: 4, threats among them: 1, told to block: 0'],
      ['zeta', 'requests of services were judged: 1, threats among them: 1, told to block: 1'],
    ],
  )
  assert.deepEqual(lines[0]?.said, {
    ...{ since: '1970-01-01T00:00:01.000000000Z', until: '1970-01-01T01:00:01.000000000Z', judged: 4 },
    worth: { allow: 3, observe: 0, challenge: 0, block: 1 },
    told: { allow: 3, observe: 1, challenge: 0, block: 0 },
  })
  await hour()
  assert.equal(lines.length, 2, 'an hour without a request has no line')
})

test('DET-1 what cannot be written is told, and is with the next hour', async () => {
  const { counts, hour, lines, complaints, disk } = room()
  counts.note('acme', 'allow', 'allow')
  Object.assign(disk, { fails: true, duringWrite: () => counts.note('acme', 'block', 'block') })
  await hour()
  assert.match(complaints.join(), /how requests were judged could not be recorded/)
  disk.fails = false
  await hour()
  assert.partialDeepStrictEqual(lines, [
    {
      tenant: 'acme',
      said: {
        ...{ since: '1970-01-01T00:00:01.000000000Z', judged: 2 },
        worth: { allow: 1, observe: 0, challenge: 0, block: 1 },
        told: { allow: 1, observe: 0, challenge: 0, block: 1 },
      },
    },
  ])
})

test('DET-1 of a tenant that is erased nothing is counted any more', async () => {
  const { counts, hour, lines } = room()
  counts.note('acme', 'allow', 'allow')
  counts.forgetTenant('acme')
  await hour()
  assert.deepEqual(lines, [])
})
