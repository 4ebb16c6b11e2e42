// SPDX-License-Identifier: Apache-2.0

import { giveBackMemory, isSealwatchError } from '@sealwatch/base'
import { watchSpace } from '@sealwatch/base/health'
import { heedIncidents } from '../custody/index.ts'
import { addFeedHealth, addRuleHealth, detect } from '../detect/index.ts'
import {
  type Conserved,
  createSignedHeads,
  type Integrity,
  indexEntries,
  keepSealed,
  publishOutbox,
  scrubLedger,
  walkQuarantine,
} from '../ingest/index.ts'
import { addNotifyHealth } from '../notify/index.ts'
import { isStoreFull } from '../store/index.ts'
import { addTrustHealth } from '../trust/index.ts'
import type { Rooms } from './rooms.ts'

/** Everything that pulls from an ordered log. They outlive the doors: they end when nothing more can come in. */
export type Followers = {
  /** Follows the ledger of a tenant, which is open. */
  follow(tenant: string): void
  /** One of the whole deployment. */
  start(work: (signal: AbortSignal) => Promise<void>): void
  /** Resolves when all that waited for its ledger is in there, and nobody follows it any more. */
  leave(tenant: string): Promise<void>
  /** What walks over the ledgers found, by tenant. */
  readonly integrity: ReadonlyMap<string, Integrity>
  /** What walks over the quarantine found wrong, by tenant. */
  readonly unkept: ReadonlyMap<string, NonNullable<Conserved>>
  /** Rejects when one of them cannot go on. Never resolves. */
  readonly failed: Promise<never>
}

/** What a crash left in quarantine is finished at the start, and looked for again now and then; then all of it is read. */
const settleEveryMs = 3_600_000
const fullRetryMs = 1_000

export function startFollowers(rooms: Rooms, ends: AsyncDisposableStack): Followers {
  const { config, dir, health, store, outbox, ledgers, indexed, side, tender, keyOrders, erasures, clock, log } = rooms
  const stopping = new AbortController()
  const { signal } = stopping
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  const byTenant = new Map<string, { readonly leave: () => Promise<void>; readonly done: Promise<unknown> }>()
  const integrity = new Map<string, Integrity>()
  const unkept = new Map<string, NonNullable<Conserved>>()
  let fullAtMs = Number.NEGATIVE_INFINITY

  function watched(...works: Promise<unknown>[]): Promise<unknown> {
    const done = Promise.all(works)
    done.catch(failed.reject)
    return done
  }

  /** A follower that meets a full disk, or keys out of reach, goes on from its cursor later: nothing is lost by waiting. */
  async function whileFull(run: () => Promise<void>, until = signal): Promise<void> {
    while (!until.aborted) {
      try {
        await run()
      } catch (error) {
        const isFull = isStoreFull(error) || isSealwatchError(error, 'DISK_FULL')
        if (!isFull && !isSealwatchError(error, 'KEYS_UNAVAILABLE')) throw error
        if (isFull) fullAtMs = clock.nowMs()
        log.critical(isFull ? 'the disk is full; the server waits for room' : 'the server waits for its keys', {
          error,
        })
        await clock.sleep(fullRetryMs, until)
      }
    }
  }

  function onScrubbed(found: Integrity): void {
    integrity.set(found.tenant, found)
    if (found.problem === undefined) return
    log.critical('a ledger was altered on the disk: restore it from a copy, or keep it as evidence', { ...found })
  }

  function follow(tenant: string): void {
    const ledger = ledgers.get(tenant)
    const [judging, indexing] = [new AbortController(), new AbortController()]
    const until = ({ signal: over }: AbortController) => {
      const ends = AbortSignal.any([signal, over])
      return { ...rooms, ledger, openSide: side.open, heed: heedIncidents(rooms), herald: rooms.notices, signal: ends }
    }
    const [judged, written] = [until(judging), until(indexing)]
    const onIndexed = (position: number) => indexed.advance(tenant, position)
    const works = [
      watched(
        whileFull(() => detect(judged), judged.signal),
        scrubLedger(ledger, judged.signal, onScrubbed),
      ),
      watched(whileFull(() => indexEntries({ ...written, onIndexed }), written.signal)),
    ]
    const leave = async () => {
      judging.abort()
      await works[0]
      // What they had to say waits for the ledger, and for the index after it.
      await outbox.drained(tenant, signal)
      indexing.abort()
      await works[1]
    }
    byTenant.set(tenant, { leave, done: Promise.all(works) })
  }

  async function leave(tenant: string): Promise<void> {
    await byTenant.get(tenant)?.leave()
    byTenant.delete(tenant)
    integrity.delete(tenant)
    unkept.delete(tenant)
    indexed.forget(tenant)
  }

  async function walk(tenant: string): Promise<void> {
    const found = await walkQuarantine({ ...rooms, ledger: ledgers.get(tenant) }, signal)
    if (found === undefined) {
      unkept.delete(tenant)
      return
    }
    unkept.set(tenant, found)
    log.critical('what lies in quarantine is not what the ledger says: `sealwatch audit fsck` names all of it', {
      tenant,
      ...found,
    })
  }

  for (const tenant of ledgers.tenants) follow(tenant)
  const sizes = ledgers.tenants.map((tenant) => [tenant, ledgers.get(tenant).size] as const)
  let isIndexed = false
  const caughtUp = Promise.all(sizes.map(([tenant, size]) => indexed.waitFor(tenant, size, signal))).then(() => {
    isIndexed = true
  })
  const settled = async () => {
    await caughtUp
    const isOpen = (tenant: string) => !signal.aborted && ledgers.has(tenant)
    for (const tenant of ledgers.tenants) if (isOpen(tenant)) await rooms.replays.settle(tenant)
    // What a crash left is finished by now, of all: a walk takes its time.
    for (const tenant of ledgers.tenants) if (isOpen(tenant)) await walk(tenant)
    await clock.sleep(settleEveryMs, signal)
  }
  const isStalled = () => clock.nowMs() - fullAtMs < 2 * fullRetryMs
  const space = watchSpace({ health, path: dir, logs: () => [], isStalled, clock, log })
  const signing = {
    signedHeads: createSignedHeads(store, ledgers),
    countersignEveryMs: config.countersignMs,
    countersignIdleMs: config.countersignIdleSeconds * 1000,
  }
  addTrustHealth(health, rooms.trustStore)
  addNotifyHealth(health, store, rooms.notices)
  addRuleHealth(health, rooms)
  rooms.requests.addHealth(health)
  if (rooms.feeds !== undefined) addFeedHealth(health, rooms.feeds, clock)
  const heedReloads = async () => {
    while (!signal.aborted) {
      await rooms.reload?.wait(signal)
      rooms.rules.reload()
    }
  }
  const standing = [
    watched(
      publishOutbox({ ...rooms, indexed: caughtUp, signal }),
      whileFull(settled),
      keepSealed({ ...rooms, ...signing, signal }),
      whileFull(() => tender.run(signal, () => isIndexed)),
      whileFull(() => keyOrders.run(signal)),
      whileFull(() => erasures.run(signal)),
      space.watch(signal),
      giveBackMemory({ clock, log }, signal),
      // A follower that ends by itself is started again at once.
      config.trustStore === '' ? Promise.resolve() : whileFull(() => rooms.trustStore.run(signal)),
      whileFull(() => rooms.strictness.run(signal)),
      whileFull(() => rooms.trust.ends.run(signal)),
      rooms.access.denials.run(signal),
      rooms.signIn.failed.run(signal),
      whileFull(() => rooms.signIn.sessions.run(signal)),
      whileFull(() => rooms.access.tokens.run(signal)),
      whileFull(() => rooms.identity.run(signal)),
      whileFull(() => rooms.presence.run(signal)),
      whileFull(() => rooms.configs.run(signal)),
      whileFull(() => rooms.orders.run(signal)),
      whileFull(() => rooms.notices.run(signal)),
      whileFull(() => rooms.rules.run(signal)),
      whileFull(() => rooms.exceptions.run(signal)),
      rooms.scores.run(signal),
      rooms.verdicts.run(signal),
      rooms.habits.run(signal),
      rooms.requests.run(signal),
      rooms.feeds?.run(signal) ?? Promise.resolve(),
      rooms.reload === undefined ? Promise.resolve() : heedReloads(),
    ),
  ]

  ends.defer(async () => {
    stopping.abort()
    await Promise.all([...standing, ...byTenant.values().map(({ done }) => done)])
  })
  return {
    follow,
    start: (work) => void standing.push(watched(work(signal))),
    leave,
    integrity,
    unkept,
    failed: failed.promise,
  }
}
