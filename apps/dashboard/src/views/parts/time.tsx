// SPDX-License-Identifier: Apache-2.0

import { useSyncExternalStore } from 'react'
import { browserClock } from '../../door/clock.ts'
import { absolute, relative } from '../../model/words.ts'

const tickMs = 1_000
const listeners = new Set<() => void>()
let stop: (() => void) | undefined
let now = browserClock.nowMs()

function tick(): void {
  now = browserClock.nowMs()
  stop = browserClock.after(tickMs, tick)
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  if (listeners.size === 1) tick()
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) stop?.()
  }
}

/** Now, to the second, for all that is on the screen. */
export const useNow = (): number => useSyncExternalStore(subscribe, () => now)

export function Time({ at }: { readonly at: string | number }) {
  const atMs = typeof at === 'number' ? at : Date.parse(at)
  const nowMs = useNow()
  return (
    <time dateTime={new Date(atMs).toISOString()} title={absolute(atMs)}>
      {relative(atMs, nowMs)}
    </time>
  )
}
