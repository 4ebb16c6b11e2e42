// SPDX-License-Identifier: Apache-2.0
// What runs that began before the sensor told of its program: an entry by `exe` holds for it, too, but the guard may not look what it runs.

import type { SensorMessage } from '../sources/observation.ts'
import { keyOf, type ProcessKey } from './act.ts'
import type { ProcessLook } from './registry.ts'

export type UnseenStarts = {
  /** Starts of other programs are told from about now on, or of any: whoever runs already is asked for. */
  begin(nowNs: bigint): void
  /** All that runs now. Returns whether there are others to be asked for. */
  look(processes: readonly ProcessLook[], nowNs: bigint): boolean
  take(messages: readonly SensorMessage[]): void
  /** Of these the sensor is to say what they run (docs/formats/frame.md, 13.2). */
  readonly asked: readonly ProcessKey[]
}

export const unseenLimits = {
  /** At once: each is examined whole. */
  askedMax: 256,
  /** One that ended, or that nobody may look at, is not answered. */
  patienceNs: 5_000_000_000n,
} as const

/** A list is on its way for so long at most before its starts are told. */
const onItsWayNs = 2_000_000_000n
const kthreadd = 2

/** `isWanted`: whether there is an entry that names a program, and a sensor. */
export function createUnseenStarts(isWanted: () => boolean): UnseenStarts {
  let untilNs: bigint | undefined
  /** Since when; those that are answered, or were not in time, stay until the next beginning. */
  let asked = new Map<string, { readonly process: ProcessKey; readonly sinceNs: bigint; isOver: boolean }>()
  const waiting = () => [...asked.values()].filter(({ isOver }) => !isOver)

  return {
    begin: (nowNs) => {
      untilNs = nowNs + onItsWayNs
      asked = new Map()
    },
    look(processes, nowNs) {
      if (untilNs === undefined || !isWanted()) return false
      const before = waiting()
      for (const one of before) if (nowNs - one.sinceNs >= unseenLimits.patienceNs) one.isOver = true
      const room = unseenLimits.askedMax - waiting().length
      const isUnseen = (look: ProcessLook) =>
        look.exe === null && look.startNs < (untilNs ?? 0n) && look.pid !== kthreadd && look.ppid !== kthreadd
      const more = processes.filter((look) => isUnseen(look) && !asked.has(keyOf(look))).slice(0, room)
      for (const { pid, startNs } of more)
        asked.set(keyOf({ pid, startNs }), { process: { pid, startNs }, sinceNs: nowNs, isOver: false })
      // Nobody is left: what is kept of them tells only that they were asked for.
      if (more.length === 0 && waiting().length === 0 && nowNs > untilNs) {
        untilNs = undefined
        asked = new Map()
      }
      return more.length > 0 || waiting().length < before.length
    },
    take(messages) {
      for (const message of messages) {
        const one = message.kind === 'examined' ? asked.get(keyOf(message.actor)) : undefined
        if (one !== undefined) one.isOver = true
      }
    },
    get asked() {
      return waiting().map(({ process }) => process)
    },
  }
}
