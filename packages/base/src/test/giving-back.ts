// SPDX-License-Identifier: Apache-2.0
// Tests only: a process that takes memory, gives it back, and then works on.

import { createHash } from 'node:crypto'
import process from 'node:process'
import { gzipSync } from 'node:zlib'
import { systemClock } from '../clock.ts'
import { giveBackMemory } from '../give-back.ts'
import { createLog } from '../log.ts'

const work = () => {
  const texts = Array.from({ length: 50_000 }, (_, i) => `${i} ${'x'.repeat(500)}`)
  return createHash('sha256').update(gzipSync(texts.join())).digest('hex')
}

const digests = [work()]
const before = process.memoryUsage.rss()
const stop = new AbortController()
let looks = 0
// Much time goes by between two looks, and little is done in it.
const clock = {
  ...systemClock,
  monotonicNs: () => BigInt(looks) * 300_000_000_000n,
  sleep: async () => {
    looks += 1
    if (looks > 2) stop.abort()
  },
}
const log = createLog('test', (line) => process.stderr.write(line), systemClock.nowMs)
await giveBackMemory({ clock, log }, stop.signal)
const after = process.memoryUsage.rss()
digests.push(work())
process.stdout.write(JSON.stringify({ before, after, digests }))
