// SPDX-License-Identifier: Apache-2.0
// One table in the hands of the sensor: told whole where it is not followed, held every few seconds where it is (docs/formats/frame.md, 10 and 11).

import { hash } from 'node:crypto'
import type { Clock } from '@sealwatch/base'
import type { SensorHello, SensorReport, Site } from '../sources/observation.ts'
import type { Denial } from './judge.ts'

/** Who is denied something by a policy is not kept from it for longer than this after its agent is gone. */
export const holdSeconds = 30
const renewMs = 5_000
/** Tables whose denials may still be on their way. */
const rememberedMax = 8

export type Wanted = {
  readonly number: number
  readonly order: Buffer
  readonly denials: readonly (Denial | undefined)[]
}

export type FollowingOptions = {
  /** What refuses. */
  readonly site: Site
  /** Of a report: the number of the table that is followed. */
  readonly followedIn: (report: SensorReport) => number | undefined
  readonly holdOrder: (number: number, seconds: number) => Buffer
  readonly liftOrder: () => Buffer
  /** To the sensor that is connected now; whether there is one. */
  readonly tell: (order: Uint8Array) => boolean
  readonly clock: Clock
}

export type FollowingHindrance = 'no_sensor' | 'not_attached' | 'not_followed'
export type Following = {
  /** From now on this is to be followed; undefined: nothing. */
  want(next: Wanted | undefined): void
  hello(message: SensorHello): void
  report(message: SensorReport): void
  /** The sensor is gone. */
  gone(): void
  /** Tells what is due. */
  say(): void
  denialOf(table: number, rule: number): Denial | undefined
  readonly hindrance: FollowingHindrance | undefined
  readonly isIdle: boolean
  /** Another one: something may be hindered otherwise. */
  readonly state: string
}

export function createFollowing(options: FollowingOptions): Following {
  const { site, followedIn, holdOrder, liftOrder, tell, clock } = options
  const remembered = new Map<number, Wanted['denials']>()
  let wanted: Wanted | undefined
  let isAttached: boolean | undefined
  /** Attached, and refuses nothing. */
  let isDetached = false
  let followed = 0
  let toldNs: bigint | undefined

  function due(): Buffer | undefined {
    if (wanted === undefined) return followed === 0 ? undefined : liftOrder()
    return followed === wanted.number ? holdOrder(wanted.number, holdSeconds) : wanted.order
  }

  return {
    want: (next) => {
      if (next !== undefined) {
        remembered.delete(next.number)
        remembered.set(next.number, next.denials)
        for (const oldest of [...remembered.keys()].slice(0, -rememberedMax)) remembered.delete(oldest)
      }
      if (next?.number !== wanted?.number) toldNs = undefined
      wanted = next
    },
    hello: ({ attached }) => {
      isAttached = attached[site].ok
      isDetached = false
      followed = 0
      toldNs = undefined
    },
    report: (message) => {
      followed = followedIn(message) ?? 0
      isDetached = message.blind?.includes(site) === true
    },
    gone: () => {
      isAttached = undefined
      followed = 0
    },
    say: () => {
      const nowNs = clock.monotonicNs()
      if (isAttached !== true || (toldNs !== undefined && nowNs - toldNs < BigInt(renewMs) * 1_000_000n)) return
      const order = due()
      if (order !== undefined && tell(order)) toldNs = nowNs
    },
    denialOf: (table, rule) => remembered.get(table)?.[rule],
    get hindrance() {
      if (isAttached === undefined) return 'no_sensor'
      if (!isAttached || isDetached) return 'not_attached'
      return followed === wanted?.number ? undefined : 'not_followed'
    },
    get isIdle() {
      return wanted === undefined && followed === 0
    },
    get state() {
      return `${isAttached} ${isDetached} ${followed} ${wanted?.number}`
    },
  }
}

/** Of a table: its number tells what it says, whichever agent made it. Who starts again knows the denials of before. */
export const numberOf = (...says: readonly unknown[]): number =>
  Number.parseInt(hash('sha256', JSON.stringify(says), 'hex').slice(0, 8), 16) || 1
