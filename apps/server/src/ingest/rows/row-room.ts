// SPDX-License-Identifier: Apache-2.0

import { type Clock, createTurns } from '@sealwatch/base'
import type { SignedRows } from '@sealwatch/contract'
import { createLineQuota } from '../line-quota.ts'
import type { Service } from './rows.ts'

const [KiB, MiB] = [1024, 1024 * 1024]
/** What is read and not settled, requests under way, and what comes in a second: of one service, and of all of a tenant. */
export const rowRoomMax = {
  service: { bytes: 4 * MiB, requests: 4, bytesPerSecond: 8 * MiB },
  tenant: { bytes: 16 * MiB, requests: 1024, bytesPerSecond: 32 * MiB },
} as const
/** Ids that no index has yet, of all tenants. */
export const idsUnderWayMax = 100_000

/** A signature, and a request, take as long as so many bytes do, however short what they bring. */
export const leastCost = 16 * KiB
export const costOf = ({ payload }: SignedRows): number => Math.max(payload.length, leastCost)
/** What is kept in quarantine is written three times, and looked at by people. */
export const keptCost = 48 * KiB
/**
 * So much of that at once, and then as it is paid for: a request may bring a hundred, for which all others would wait. What has
 * waited comes as much at once again: rows that are kept together share their writes.
 */
const keptBurstMs = 32

/** After a rest a service has no more at once than what comes in a second: others would pay for it. */
const burstMs = 1_000
export const beforeNextMs = 1_000
/**
 * How long whoever asked too early is at first kept waiting for the answer that says so, how many requests of a service so wait,
 * and how many of them hear it in a second. One after the other: those who came together would else be told, and come again,
 * together, and all others behind them. Few, for what a request is made of has grown old when it has waited, and what grows old is
 * what V8 marks its whole heap for, with everybody waiting: told 32 a second, a flood took twice as many marks.
 */
const heldMsMax = 1_000
const heldMax = 256
const refusedEveryMs = 1_000 / 8

type Max = { readonly [K in keyof typeof rowRoomMax.service]: number }
export type RowRoomMax = { readonly service: Max; readonly tenant: Max }

/** What a request may do now: called when it is answered; or how long until it may come again. */
export type Entry = (() => void) | { readonly waitMs: number }

/** Calls back when whoever asks is gone. */
export type OnGone = (listener: () => void) => void

export type Refused = { readonly waitMs: number; readonly isDeaf: boolean }

export type RowRoom = {
  /**
   * Before anything of a request is read, of which `bytes` are told to come. Resolves late where it may not: who does not listen
   * asks no sooner again than that. `isDeaf`: so many wait already that this one was not kept.
   */
  begin(service: Service, bytes: number, onGone: OnGone): Promise<(() => void) | Refused>
  /** The same of one that may not, for a reason of its own. */
  refuse(service: Service, waitMs: number, onGone: OnGone): Promise<Refused>
  /**
   * Of what was read, of which `paid` was paid for when it began. The rest is owed, and the next ones wait for it: to refuse what
   * has been read would save nothing.
   */
  enter(service: Service, bytes: number, paid: number): Entry
  /** It is kept in quarantine, which takes more time than its bytes tell. */
  keep(service: Service): void
  /** Before the next submission of a service is looked at: until what was kept of it before is paid for. */
  pace(service: Service): Promise<void>
}

/** Keeps one service from taking what the others of its tenant need, and those of one tenant what those of the others do. */
export function createRowRoom(clock: Clock, max: RowRoomMax = rowRoomMax): RowRoom {
  // One entry for each service that has a credential, and for its tenant.
  const bytesIn = new Map<string, number>()
  const turns = createTurns()
  const waiting = createTurns()
  /** When the next refusal of a service may be told. */
  const nextMs = new Map<string, number>()
  const quota = createLineQuota(clock, burstMs)
  const kept = createLineQuota(clock, keptBurstMs)
  const keysOf = ({ tenant, producer }: Service) =>
    [
      [`${tenant}/${producer}`, max.service],
      [tenant, max.tenant],
    ] as const

  function isBeyond(key: string, of: Max, bytes: number): boolean {
    const now = bytesIn.get(key) ?? 0
    return now > 0 && now + bytes > of.bytes
  }

  function start(service: Service, bytes: number): Entry {
    const left: (() => void)[] = []
    const leave = () => {
      for (const end of left) end()
    }
    const [[own, of]] = keysOf(service)
    for (const [key, { requests }] of keysOf(service)) {
      const end = turns.enter(key, requests)
      if (end === undefined) {
        leave()
        return { waitMs: beforeNextMs }
      }
      left.push(end)
    }
    const waitMs =
      quota.take(service.tenant, max.tenant.bytesPerSecond, 0) ||
      quota.take(own, of.bytesPerSecond, Math.max(bytes, leastCost))
    if (waitMs === 0) return leave
    leave()
    return { waitMs }
  }

  async function refuse(service: Service, waitMs: number, onGone: OnGone): Promise<Refused> {
    const [[key]] = keysOf(service)
    const over = waiting.enter(key, heldMax)
    if (over === undefined) return { waitMs, isDeaf: true }
    const nowMs = Number(clock.monotonicNs() / 1_000_000n)
    const atMs = Math.max(nowMs + Math.min(waitMs, heldMsMax), nextMs.get(key) ?? 0)
    nextMs.set(key, atMs + refusedEveryMs)
    const gone = new AbortController()
    onGone(() => gone.abort('gone'))
    await clock.sleep(atMs - nowMs, gone.signal)
    over()
    // Its place in the row is another's.
    if (gone.signal.aborted) nextMs.set(key, (nextMs.get(key) ?? 0) - refusedEveryMs)
    return { waitMs, isDeaf: false }
  }

  return {
    begin: async (service, bytes, onGone) => {
      const entry = start(service, bytes)
      return typeof entry === 'function' ? entry : refuse(service, entry.waitMs, onGone)
    },
    refuse,
    enter: (service, bytes, paid) => {
      if (keysOf(service).some(([key, of]) => isBeyond(key, of, bytes))) return { waitMs: beforeNextMs }
      for (const [key, of] of keysOf(service)) {
        quota.owe(key, of.bytesPerSecond, of === max.service ? Math.max(0, bytes - paid) : bytes)
        bytesIn.set(key, (bytesIn.get(key) ?? 0) + bytes)
      }
      return () => {
        for (const [key] of keysOf(service)) bytesIn.set(key, (bytesIn.get(key) ?? 0) - bytes)
      }
    },
    keep: (service) => {
      const [[key, { bytesPerSecond }]] = keysOf(service)
      quota.owe(key, bytesPerSecond, keptCost)
      kept.owe(key, bytesPerSecond, keptCost + leastCost)
    },
    pace: async (service) => {
      const [[key, { bytesPerSecond }]] = keysOf(service)
      for (;;) {
        const waitMs = kept.take(key, bytesPerSecond, 0)
        if (waitMs === 0) return
        await clock.sleep(waitMs + keptBurstMs)
      }
    },
  }
}
