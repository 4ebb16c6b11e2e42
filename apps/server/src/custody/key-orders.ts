// SPDX-License-Identifier: Apache-2.0

import { type Clock, createBell, isSealwatchError, type Log, messageOf, parseRfc3339, rfc3339 } from '@sealwatch/base'
import type { Sealing } from '@sealwatch/keys/sealing'
import { alertEvent, auditTenant, type ServerVoice } from '../identity/index.ts'
import { isNotKept, type Outbox, type Store, type Tx } from '../store/index.ts'
import { keysEvicted, keysRotated } from './events.ts'

/** Somebody reached for the memory of a process that holds keys: an incident of a guard, and how it is known here. */
export type KeyOrder = { readonly incident: string; readonly way: string; readonly source: 'guard' | 'ledger' }

/**
 * What is done to the keys when somebody reaches for them. Each step is done once for an incident, whoever tells of it and
 * however often, and anew where `isAgain` says that the guard orders it anew. An order to rotate is kept over a restart until an epoch has begun; of many that wait one epoch is the
 * answer to all.
 */
export type KeyOrders = {
  /** Wipes all keys in memory, at once, and resolves with how many. Whoever needs one fetches it again. */
  evict(order: KeyOrder, isAgain?: boolean): Promise<number>
  /** Resolves with the epoch that has begun; until then `queued` hears what it waits for. */
  rotate(order: KeyOrder, queued?: (why: string) => void, isAgain?: boolean): Promise<number>
  /** Takes up the same; durable when it resolves, unless the disk is full. */
  order(order: KeyOrder): Promise<void>
  /** Rotates as it is ordered, and goes on trying while it cannot, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
  readonly state: KeyOrdersState
}

export type KeyOrdersState = {
  /** Orders to rotate that wait, and of these what waits for something that does not end by itself. */
  readonly waiting: number
  readonly held: number
  /** Steps that were done, since the start. */
  readonly evictions: number
  readonly rotations: number
}

export type KeyOrdersOptions = {
  readonly sealing: Sealing
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly clock: Clock
  readonly log: Log
}

/** Each epoch brings new keys for whoever has values: attack upon attack must not make them without end. */
const coolDown = { firstMs: 60_000, maxMs: 3_600_000, withinMs: 86_400_000 } as const
/** What a rotation waits for that ends by itself. */
const cooling = 'cooling'
const retryMs = 5_000
const waitingMax = 256
/** What is done is remembered, so that it is not done again. */
const keptMax = 10_000

type Untold = {
  readonly order: KeyOrder
  readonly keys: number
  readonly atNs: bigint
  readonly isAgain: boolean
}
type Waiting = {
  readonly order: KeyOrder
  readonly orderedAt: string
  /** An epoch after this one is the answer. */
  readonly epochBefore: number
  readonly done: PromiseWithResolvers<number>
  readonly queued: ((why: string) => void)[]
  /** What kind of thing it waits for, as far as was told. */
  toldOf: string
  /** Since when people were told that it waits (Unix ns). */
  alarmedNs: bigint | undefined
}

/** Takes up what waited when the server stopped. */
export async function openKeyOrders(options: KeyOrdersOptions): Promise<KeyOrders> {
  const { sealing, store, outbox, voice, clock, log } = options
  const bell = createBell()
  const waiting = new Map<string, Waiting>()
  /** Evictions that are not written down yet. */
  const untold = new Map<string, Untold>()
  const counts = { evictions: 0, rotations: 0 }

  for (const row of await store.db
    .selectFrom('key_orders')
    .selectAll()
    .where('step', '=', 'rotate')
    .where('done_at', 'is', null)
    .execute()) {
    const { incident, way, source } = row
    const one = newWaiting({ incident, way, source }, row.ordered_at, row.epoch_before)
    one.alarmedNs = row.alarmed_ns === null ? undefined : BigInt(row.alarmed_ns)
    waiting.set(incident, one)
  }

  /** What cannot be written now is no reason not to go on: the keys are worth more than the record of it. */
  async function written(what: string, work: (tx: Tx) => Promise<unknown>): Promise<boolean> {
    try {
      await store.transaction(work)
      outbox.ring()
      return true
    } catch (error) {
      if (!isNotKept(error)) throw error
      log.critical(`${what}, which could not be written down`, { error })
      return false
    }
  }

  async function evict(order: KeyOrder, isAgain = false): Promise<number> {
    const keys = sealing.evict()
    counts.evictions += 1
    log.critical('every key in memory was wiped: somebody reached for it', { ...order, keys })
    if (untold.size < waitingMax && !untold.has(order.incident))
      untold.set(order.incident, { order, keys, atNs: clock.nowNs(), isAgain })
    if (!(await tellEvictions())) bell.ring()
    return keys
  }

  async function tellEvictions(): Promise<boolean> {
    const evictions = [...untold.values()]
    if (evictions.length === 0) return true
    const isWritten = await written('keys were wiped', async (tx) => {
      for (const { order, keys, atNs, isAgain } of evictions) {
        const at = rfc3339(atNs)
        const row = { ...order, step: 'evict', ordered_at: at, epoch_before: sealing.epoch, done_at: at } as const
        const { numInsertedOrUpdatedRows: added } = await tx
          .insertInto('key_orders')
          .values({ ...row, epoch: null, alarmed_ns: null })
          .onConflict((conflict) =>
            isAgain ? conflict.columns(['incident', 'step']).doUpdateSet({ done_at: at }) : conflict.doNothing(),
          )
          .executeTakeFirst()
        if (added !== 0n) await outbox.enqueue(tx, auditTenant, keysEvicted(voice, atNs, { ...order, keys }))
      }
      await forgetOldest(tx)
    })
    if (isWritten) for (const { order } of evictions) untold.delete(order.incident)
    return isWritten
  }

  async function takeUp(order: KeyOrder, queued?: (why: string) => void, isAgain = false): Promise<Waiting> {
    const known = waiting.get(order.incident)
    const last = [...waiting.values()].at(-1)
    // They are all answered by one.
    const joined = known ?? (waiting.size >= waitingMax ? last : undefined)
    const one = joined ?? newWaiting(order, rfc3339(clock.nowNs()), sealing.epoch)
    if (queued !== undefined) one.queued.push(queued)
    if (joined !== undefined) return joined
    waiting.set(order.incident, one)
    log.critical('the master key is to be rotated: somebody reached for it', { ...order })
    const before = await keep(one, isAgain)
    if (before !== undefined) settle([one], before)
    bell.ring()
    return one
  }

  /** Writes the order down; resolves with the epoch that answered it, where that was long ago. */
  async function keep({ order, orderedAt, epochBefore }: Waiting, isAgain: boolean): Promise<number | undefined> {
    let epoch: number | undefined
    await written('the master key is to be rotated', async (tx) => {
      const row = { ...order, step: 'rotate', ordered_at: orderedAt, epoch_before: epochBefore } as const
      const open = { done_at: null, epoch: null, alarmed_ns: null }
      await tx
        .insertInto('key_orders')
        .values({ ...row, ...open })
        .onConflict((conflict) =>
          isAgain ? conflict.columns(['incident', 'step']).doUpdateSet({ ...row, ...open }) : conflict.doNothing(),
        )
        .execute()
      const kept = await tx
        .selectFrom('key_orders')
        .select('epoch')
        .where('incident', '=', order.incident)
        .where('step', '=', 'rotate')
        .executeTakeFirst()
      epoch = kept?.epoch ?? undefined
    })
    return epoch
  }

  function settle(answered: readonly Waiting[], epoch: number): void {
    for (const { order, done } of answered) {
      waiting.delete(order.incident)
      done.resolve(epoch)
    }
  }

  /**
   * Writes down what is answered. An epoch has begun, the order may still stand as one that waits: if we stop here, the
   * next start finds the epoch beyond that of the order, and rotates no more for it.
   */
  async function finish(): Promise<boolean> {
    const { epoch } = sealing
    const answered = [...waiting.values()].filter(({ epochBefore }) => epochBefore < epoch)
    if (answered.length === 0) return true
    const nowNs = clock.nowNs()
    const isWritten = await written('the master key was rotated', async (tx) => {
      for (const { order, orderedAt, epochBefore, alarmedNs } of answered) {
        const done = { done_at: rfc3339(nowNs), epoch }
        const row = { ...order, step: 'rotate', ordered_at: orderedAt, epoch_before: epochBefore } as const
        await tx
          .insertInto('key_orders')
          .values({ ...row, ...done, alarmed_ns: null })
          .onConflict((conflict) => conflict.columns(['incident', 'step']).doUpdateSet(done))
          .execute()
        await outbox.enqueue(tx, auditTenant, keysRotated(voice, nowNs, { ...order, orderedAt, epoch }))
        if (alarmedNs !== undefined) await outbox.enqueue(tx, auditTenant, waits(order, nowNs, 'it is done', alarmedNs))
      }
      await forgetOldest(tx)
    })
    if (isWritten) settle(answered, epoch)
    else for (const { done } of answered) done.resolve(epoch)
    return isWritten
  }

  const waits = (order: KeyOrder, timeNs: bigint, why: string, beganNs?: bigint) =>
    alertEvent(voice, {
      code: 'key_rotation_waits',
      component: 'custody',
      tenant: auditTenant,
      timeNs,
      about: order.incident,
      severity: beganNs === undefined ? 'critical' : 'informational',
      message:
        beganNs === undefined
          ? `the rotation of the master key that incident ${order.incident} demands waits: ${why}`
          : `the rotation of the master key that incident ${order.incident} demanded waits no more: ${why}`,
      title: 'A rotation of the master key waits',
      runbook: 'master-key.md',
      evidence: { incident: order.incident, way: order.way, source: order.source, why },
      ...(beganNs === undefined ? {} : { endsNs: beganNs }),
    })

  /** Whoever asked hears of it, once for each kind of thing; people hear of what does not end by itself. */
  async function tellWaiting(kind: string, why: string): Promise<void> {
    for (const one of waiting.values()) {
      if (one.toldOf !== kind) for (const queued of one.queued) queued(why)
      one.toldOf = kind
      if (kind === cooling || one.alarmedNs !== undefined) continue
      const nowNs = clock.nowNs()
      log.critical('the rotation of the master key waits, and the old epoch goes on', { ...one.order, why })
      const isTold = await written('a rotation waits', async (tx) => {
        await outbox.enqueue(tx, auditTenant, waits(one.order, nowNs, why))
        await tx
          .updateTable('key_orders')
          .set({ alarmed_ns: String(nowNs) })
          .where('incident', '=', one.order.incident)
          .where('step', '=', 'rotate')
          .execute()
      })
      if (isTold) one.alarmedNs = nowNs
    }
  }

  /** How long no epoch is to begin for an attack; longer with each that did within a day. */
  async function coolingMs(): Promise<number> {
    const nowMs = clock.nowMs()
    const rows = await store.db
      .selectFrom('key_orders')
      .select(({ fn }) => ['epoch', fn.max('done_at').as('done_at')])
      .where('epoch', 'is not', null)
      .groupBy('epoch')
      .orderBy('epoch', 'desc')
      .limit(64)
      .execute()
    const agesMs = rows
      .map(({ done_at: doneAt }) => nowMs - Number((parseRfc3339(doneAt ?? '') ?? 0n) / 1_000_000n))
      // Of a clock that was set back nothing is believed.
      .filter((ageMs) => ageMs >= 0 && ageMs < coolDown.withinMs)
    const forMs = Math.min(coolDown.maxMs, coolDown.firstMs * 2 ** (agesMs.length - 1))
    return agesMs.length === 0 ? 0 : Math.max(0, forMs - Math.min(...agesMs))
  }

  async function tryToRotate(signal: AbortSignal): Promise<void> {
    try {
      const { epoch } = await sealing.rotateMaster()
      counts.rotations += 1
      log.critical('the master key was rotated: somebody reached for it', { epoch, orders: waiting.size })
    } catch (error) {
      if (!isSealwatchError(error) || error.kind === 'fatal') throw error
      await tellWaiting(error.code, messageOf(error))
      await clock.sleep(retryMs, signal)
    }
  }

  async function rest(ms: number, rung: Promise<void>, signal: AbortSignal): Promise<void> {
    const over = new AbortController()
    await Promise.race([clock.sleep(ms, AbortSignal.any([signal, over.signal])), rung])
    over.abort()
  }

  return {
    evict,
    rotate: async (order, queued, isAgain) => (await takeUp(order, queued, isAgain)).done.promise,
    order: async (order) => void (await takeUp(order)),
    run: async (signal) => {
      while (!signal.aborted) {
        const rung = bell.wait(signal)
        const isWritten = [await tellEvictions(), await finish()].every(Boolean)
        const isDue = [...waiting.values()].some(({ epochBefore }) => epochBefore >= sealing.epoch)
        const restMs = isDue ? await coolingMs() : undefined
        if (restMs === 0) await tryToRotate(signal)
        else if (restMs === undefined && isWritten) await rung
        else {
          if (restMs !== undefined)
            await tellWaiting(
              cooling,
              `the one before was too short a time ago, ${Math.ceil(restMs / 1000)} s are left`,
            )
          await rest(isWritten ? (restMs ?? retryMs) : retryMs, rung, signal)
        }
      }
    },
    get state() {
      const held = [...waiting.values()].filter(({ toldOf }) => toldOf !== '' && toldOf !== cooling)
      return { waiting: waiting.size, held: held.length, ...counts }
    },
  }
}

function newWaiting(order: KeyOrder, orderedAt: string, epochBefore: number): Waiting {
  return { order, orderedAt, epochBefore, done: Promise.withResolvers(), queued: [], toldOf: '', alarmedNs: undefined }
}

const forgetOldest = (tx: Tx) =>
  tx
    .deleteFrom('key_orders')
    .where('done_at', 'is not', null)
    .where('done_at', '<', (of) =>
      of.selectFrom('key_orders').select('done_at').orderBy('done_at', 'desc').offset(keptMax).limit(1),
    )
    .execute()
