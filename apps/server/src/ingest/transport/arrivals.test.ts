// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSealwatchError, type SealwatchError } from '@sealwatch/base'
import { createArrivals } from './arrivals.ts'

/** A thread on which each registration takes so long, and nothing else anything. */
function thread(eachMs: number) {
  let nowNs = 0n
  const arrivals = createArrivals({ monotonicNs: () => nowNs, sleep: async () => undefined })
  const register = (tenant: string, hostId: string) =>
    arrivals.take(tenant, hostId, async () => {
      await Promise.resolve()
      nowNs += BigInt(eachMs * 1e6)
      return hostId
    })
  /** So many of a tenant at once: those that were told to come later, and when. */
  const come = async (tenant: string, count: number) => {
    const settled = await Promise.allSettled(
      Array.from({ length: count }, (_, i) => register(tenant, `${tenant}-${i}`)),
    )
    return settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as SealwatchError] : []))
  }
  return { register, come }
}

test('AGT-8 who would wait too long is told at once how long, by what registrations took; the others are registered', async () => {
  const { come } = thread(100)
  // What they take is not known yet.
  assert.equal((await come('t', 500)).length, 0)
  const refused = await come('t', 500)
  assert.ok(refused.length >= 390 && refused.length <= 410, `${refused.length}`)
  for (const error of refused) {
    assert.ok(isSealwatchError(error, 'REGISTRATIONS_WAIT'))
    assert.ok((error.waitMs ?? 0) > 10_000 && (error.waitMs ?? 0) < 12_000, `${error.waitMs}`)
  }
  assert.equal((await come('t', 64)).length, 0)
})

test('AGT-8 a tenant that comes with a thousand hosts keeps no other one out', async () => {
  const { come, register } = thread(100)
  await come('many', 500)
  const crowd = come('many', 1_000)
  assert.equal(await register('few', 'one'), 'one')
  assert.ok((await crowd).length > 800)
})

test('a registration that fails ends its turn, and what it failed with is told', async () => {
  const arrivals = createArrivals({ monotonicNs: () => 0n, sleep: async () => undefined })
  await assert.rejects(
    arrivals.take('t', 'h', async () => {
      throw new Error('no')
    }),
    /no/,
  )
  assert.equal(await arrivals.take('t', 'h', async () => 1), 1)
})
