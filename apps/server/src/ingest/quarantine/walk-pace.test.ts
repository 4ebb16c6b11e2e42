// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRest } from './walk-pace.ts'

const hourMs = 3_600_000
const never = new AbortController().signal

/** A walk by a clock of its own, in which each stub takes so long. */
async function walkOf(given: { readonly stubs: number; readonly bytesEach: number; readonly msEach: number }) {
  let nowMs = 0
  const seen = { sleptMs: 0, longestMs: 0, sinceMs: 0 }
  const rest = createRest({
    monotonicNs: () => BigInt(Math.round(nowMs * 1e6)),
    sleep: async (ms) => {
      seen.longestMs = Math.max(seen.longestMs, nowMs - seen.sinceMs)
      seen.sleptMs += ms
      nowMs += ms
      seen.sinceMs = nowMs
    },
  })
  for (let i = 0; i < given.stubs; i += 1) {
    nowMs += given.msEach
    await rest(1, given.bytesEach, never)
  }
  return { ...seen, tookMs: nowMs, share: 1 - seen.sleptMs / nowMs }
}

/** Of the two million that a tenant may have. */
const thousandth = 2_000
for (const [name, msEach, share] of [
  ['idle', 0.05, 0.1],
  ['busy', 0.5, 0.34],
  ['busy to the brim', 2, 0.5],
] as const)
  test(`ING-3 a walk over the quarantine has ${share} of the time where a stub takes ${msEach} ms (${name}), a few milliseconds at a time`, async () => {
    const walk = await walkOf({ stubs: thousandth, bytesEach: 25_000, msEach })
    assert.ok(Math.abs(walk.share - share) < 0.02, `${walk.share}`)
    assert.ok(walk.longestMs < 5 + msEach, `${walk.longestMs} ms`)
  })

test('ING-3 the walk over as much as a tenant may have in quarantine ends in its hour', async () => {
  for (const msEach of [0.05, 0.2, 0.5, 0.8])
    for (const bytesEach of [500, 25_000]) {
      const { tookMs } = await walkOf({ stubs: thousandth, bytesEach, msEach })
      assert.ok(1_000 * tookMs < hourMs, `${msEach} ms, ${bytesEach} bytes: ${tookMs} s`)
    }
})
