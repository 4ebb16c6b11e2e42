// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'

const againMs = 60_000

/** Says each kind of thing once a minute at most: strangers bring them about. */
export function createNotices(clock: Clock, say: (text: string) => void): (kind: string, text: string) => void {
  const nextNs = new Map<string, bigint>()
  return (kind, text) => {
    const nowNs = clock.monotonicNs()
    if (nowNs < (nextNs.get(kind) ?? nowNs)) return
    nextNs.set(kind, nowNs + BigInt(againMs) * 1_000_000n)
    say(text)
  }
}
