// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { boundsOf, createBounds, type Door } from './bounds.ts'

const setUp = () => {
  let nowNs = 0n
  const bounds = createBounds({ ...systemClock, monotonicNs: () => nowNs })
  const pass = (ms: number) => {
    nowNs += BigInt(ms * 1_000_000)
  }
  return { ...bounds, pass }
}
const limited = (error: unknown) => (error as { code?: string }).code === 'REQUESTS_LIMITED'

const plural = { service: 'services', proxy: 'proxies' } as const

for (const door of Object.keys(boundsOf) as Door[]) {
  const { perSecond, kibPerSecond, atOnceMax } = boundsOf[door]

  test(`DET-4 a tenant's ${plural[door]} have ${perSecond} requests judged a second, and no other tenant or door waits for that`, () => {
    const { enter, limited: count, pass } = setUp()
    for (let n = 0; n < perSecond; n += 1) enter('acme', door)()
    assert.throws(() => enter('acme', door), limited)
    assert.equal(count[door], 1)
    enter('zeta', door)()
    enter('acme', door === 'proxy' ? 'service' : 'proxy')()
    pass(1_000 / perSecond)
    enter('acme', door)()
    assert.throws(() => enter('acme', door), limited)
  })

  test(`DET-4 ${atOnceMax} requests of a tenant's ${plural[door]} are judged at once`, () => {
    const { enter } = setUp()
    const leaves = Array.from({ length: atOnceMax }, () => enter('acme', door))
    assert.throws(() => enter('acme', door), limited)
    enter('zeta', door)()
    leaves[0]?.()
    enter('acme', door)
  })

  test(`DET-4 a tenant's ${plural[door]} have ${kibPerSecond} KiB judged a second; whoever is refused holds no turn`, () => {
    const { enter, pass } = setUp()
    for (let n = 0; n < kibPerSecond / 256; n += 1) enter('acme', door, 256 * 1_024)()
    for (let n = 0; n < atOnceMax; n += 1) assert.throws(() => enter('acme', door, 1), limited)
    enter('acme', door)()
    pass(1)
    for (let n = 0; n < 4; n += 1) enter('acme', door, 1_024)()
  })
}
