// SPDX-License-Identifier: Apache-2.0
// Messages that wait for their channels, in SQL: a restart loses none. What was sent and not yet written down is sent once
// more, under the same id.

import { hash } from 'node:crypto'
import { type Clock, canonicalize, createBell, createRate, type JsonObject, type Log, rfc3339 } from '@sealwatch/base'
import { type SeverityName, severities } from '@sealwatch/contract'
import { auditTenant, type ServerVoice } from '../identity/index.ts'
import { across, type Outbox, type Store, type Tables, type Tx } from '../store/index.ts'
import { type Outcome, outcomeEvent } from './events.ts'
import { notifyLimits as limits } from './limits.ts'
import { digestOf, messageOf, noticeOf, type Told } from './notice.ts'
import type { Channel, Send } from './send.ts'
import type { Sent } from './webhook.ts'

type Delivery = Tables['notification_deliveries']

export type NoticeQueue = {
  /** Within the transaction that keeps an alert: whom it concerns is told once, the tenant and the cluster. */
  tell(tx: Tx, told: Told): Promise<void>
  /** Call it after that transaction. */
  ring(): void
  /** Sends what waits until the signal fires. */
  run(signal: AbortSignal): Promise<void>
  readonly counts: {
    readonly sent: number
    readonly failed: number
    readonly givenUp: number
    readonly dropped: number
  }
}

export type NoticeQueueOptions = {
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly send: Send
  /** Of the dashboard. */
  readonly origin: () => string
  readonly clock: Clock
  readonly log: Log
}

/** How long to wait after so many tries. */
export const pauseMs = (tries: number): number =>
  Math.min(limits.pauseMs.last, limits.pauseMs.first * 2 ** Math.max(0, tries - 1))

export function createNoticeQueue(options: NoticeQueueOptions): NoticeQueue {
  const { store, outbox, voice, send, origin, clock, log } = options
  const everywhere = across(store.db, 'notify')
  const bell = createBell()
  const rates = { webhook: createRate(clock, limits.rate.webhook), mail: createRate(clock, limits.rate.mail) }
  const counts = { sent: 0, failed: 0, givenUp: 0, dropped: 0 }
  /** By channel: its call that is under way. */
  const busy = new Map<string, Promise<void>>()
  /** By channel: until when (Unix ms) it asks to be left alone. Whoever restarts asks once more. */
  const resting = new Map<string, number>()
  let broken: { readonly error: unknown } | undefined

  async function tell(tx: Tx, told: Told): Promise<void> {
    const notice = noticeOf(told)
    if (notice === undefined) return
    const channels = await across(tx, 'notify')
      .selectFrom('notification_channels')
      .selectAll()
      .where('tenant', 'in', [notice.tenant, auditTenant])
      .execute()
    const body = canonicalize(messageOf(notice, linkOf(notice.incident)))
    for (const channel of channels) {
      if (severities[notice.severity].severity_id < severities[channel.least as SeverityName].severity_id) continue
      if ((await waitingOf(tx, channel)) >= limits.waiting) {
        counts.dropped += 1
        continue
      }
      const { tenant, channel: id } = channel
      await tx
        .insertInto('notification_deliveries')
        .values({
          tenant,
          channel: id,
          delivery: notice.uid,
          about: notice.tenant,
          body,
          made_ms: clock.nowMs(),
          due_ms: clock.nowMs(),
          tries: 0,
          state: 'waiting',
          problem: '',
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    }
  }

  const linkOf = (incident: string) => `${origin()}/incidents?id=${encodeURIComponent(incident)}`

  async function waitingOf(tx: Tx, { tenant, channel }: Channel): Promise<number> {
    const { count } = await tx
      .selectFrom('notification_deliveries')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('tenant', '=', tenant)
      .where('channel', '=', channel)
      .where('state', '=', 'waiting')
      .executeTakeFirstOrThrow()
    return count
  }

  /** Starts what is due; resolves with how long nothing more will be. */
  async function startDue(signal: AbortSignal): Promise<number> {
    const nowMs = clock.nowMs()
    const owing = await everywhere
      .selectFrom('notification_deliveries as delivery')
      .innerJoin('notification_channels as channel', (join) =>
        join.onRef('channel.tenant', '=', 'delivery.tenant').onRef('channel.channel', '=', 'delivery.channel'),
      )
      .select(({ fn }) => ['channel.tenant', 'channel.channel', 'channel.kind', fn.min<number>('due_ms').as('due')])
      .where('state', '=', 'waiting')
      .groupBy(['channel.tenant', 'channel.channel', 'channel.kind'])
      .orderBy('due')
      .execute()
    let restMs: number = limits.pauseMs.last
    for (const { tenant, channel, kind, due } of owing) {
      const key = `${tenant}/${channel}`
      // Its end rings.
      if (busy.has(key) || busy.size >= limits.atOnce) continue
      const waitMs = Math.max(due - nowMs, (resting.get(key) ?? 0) - nowMs, rates[kind].wait(key))
      if (waitMs > 0) restMs = Math.min(restMs, waitMs)
      else {
        resting.delete(key)
        rates[kind].take(key)
        const isLast = rates[kind].wait(key) > 0
        busy.set(key, sendNext({ tenant, channel, key, isLast }, signal))
      }
    }
    return restMs
  }

  /** `isLast`: what else waits now would have to wait longer, and is told with it. */
  type Next = { readonly tenant: string; readonly channel: string; readonly key: string; readonly isLast: boolean }

  async function sendNext({ tenant, channel, key, isLast }: Next, signal: AbortSignal): Promise<void> {
    try {
      const row = await store.db
        .selectFrom('notification_channels')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('channel', '=', channel)
        .executeTakeFirst()
      const waiting = await store.db
        .selectFrom('notification_deliveries')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('channel', '=', channel)
        .where('state', '=', 'waiting')
        .orderBy('due_ms')
        .orderBy('made_ms')
        .limit(isLast ? limits.waiting : 1)
        .execute()
      const [first] = waiting
      if (row === undefined || first === undefined) return
      const together = waiting.filter(({ about, tries }) => about === first.about && tries === 0)
      const delivery = first.tries === 0 && together.length > 1 ? await fold(together, first) : first
      if (delivery === undefined) return
      const sent = await send(row, delivery.delivery, JSON.parse(delivery.body) as JsonObject, signal)
      if (signal.aborted) return
      await keep(row, delivery, sent)
      const retryMs = sent.ok ? 0 : (sent.retryMs ?? 0)
      if (retryMs > 0) resting.set(key, clock.nowMs() + retryMs)
    } catch (error) {
      broken = { error }
    } finally {
      busy.delete(key)
      bell.ring()
    }
  }

  /** One message in the place of many that nobody was told yet; a restart finds it, or them. Undefined: they are gone. */
  async function fold(many: readonly Delivery[], { tenant, channel, about }: Delivery): Promise<Delivery | undefined> {
    const nowMs = clock.nowMs()
    const messages = many.map(({ body }) => JSON.parse(body) as JsonObject)
    const link = `${origin()}/live`
    const one: Delivery = {
      tenant,
      channel,
      delivery: hash('sha256', many.map(({ delivery }) => delivery).join('\n'), 'hex').slice(0, 32),
      about,
      body: canonicalize(digestOf(messages, about, link, nowMs)),
      made_ms: nowMs,
      due_ms: nowMs,
      tries: 0,
      state: 'waiting',
      problem: '',
    }
    return store.transaction(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('notification_deliveries')
        .set({ state: 'folded', due_ms: nowMs, problem: one.delivery })
        .where('tenant', '=', tenant)
        .where('channel', '=', channel)
        .where('state', '=', 'waiting')
        .where(
          'delivery',
          'in',
          many.map(({ delivery }) => delivery),
        )
        .executeTakeFirstOrThrow()
      if (numUpdatedRows === 0n) return undefined
      await tx.insertInto('notification_deliveries').values(one).execute()
      return one
    })
  }

  async function keep(channel: Channel, delivery: Delivery, sent: Sent): Promise<void> {
    const { tenant, channel: id } = channel
    const tries = delivery.tries + 1
    const nowNs = clock.nowNs()
    const nowMs = Number(nowNs / 1_000_000n)
    const problem = sent.problem ?? ''
    const isOver = !sent.ok && (sent.over || tries >= limits.tries || nowMs - delivery.made_ms >= limits.ageMs)
    const state = sent.ok ? 'sent' : isOver ? 'given_up' : 'waiting'
    const say = (tx: Tx, outcome: Outcome) =>
      outbox.enqueue(
        tx,
        tenant,
        outcomeEvent(voice, nowNs, outcome, {
          tenant,
          channel: id,
          name: channel.name,
          delivery: delivery.delivery,
          tries,
          problem,
        }),
      )
    const isFirstFailure = !sent.ok && channel.failing_since === null
    await store.transaction(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('notification_deliveries')
        .set({ state, tries, problem, due_ms: nowMs + (state === 'waiting' ? pauseMs(tries) : 0) })
        .where('tenant', '=', tenant)
        .where('channel', '=', id)
        .where('delivery', '=', delivery.delivery)
        .executeTakeFirstOrThrow()
      // The channel was removed meanwhile, or the tenant erased.
      if (numUpdatedRows === 0n) return
      await tx
        .updateTable('notification_channels')
        .set({
          failing_since: sent.ok ? null : (channel.failing_since ?? rfc3339(nowNs)),
          problem,
          ...((channel.old_until_ms ?? nowMs) < nowMs && { old_secret: null, old_until_ms: null }),
        })
        .where('tenant', '=', tenant)
        .where('channel', '=', id)
        .execute()
      if (isFirstFailure) await say(tx, 'notification_channel_failed')
      if (state !== 'waiting') {
        await say(tx, state === 'sent' ? 'notification_sent' : 'notification_given_up')
        await forgetOldest(tx, channel)
      }
    })
    outbox.ring()
    counts[sent.ok ? 'sent' : 'failed'] += 1
    if (isOver) counts.givenUp += 1
    if (isFirstFailure) log.error('a notification channel does not take messages', { tenant, channel: id, problem })
  }

  return {
    tell,
    ring: () => bell.ring(),
    run: async (signal) => {
      broken = undefined
      try {
        while (!signal.aborted) {
          if (broken !== undefined) throw (broken as { readonly error: unknown }).error
          const over = new AbortController()
          const rung = bell.wait(signal)
          const restMs = await startDue(signal)
          await Promise.race([rung, clock.sleep(restMs, AbortSignal.any([signal, over.signal]))])
          over.abort()
        }
      } finally {
        await Promise.all(busy.values())
      }
    },
    counts,
  }
}

/** What ended is remembered so that the same alert is not told twice, and for whoever asks what became of it. */
const forgetOldest = (tx: Tx, { tenant, channel }: Channel) =>
  tx
    .deleteFrom('notification_deliveries')
    .where('tenant', '=', tenant)
    .where('channel', '=', channel)
    .where('state', '!=', 'waiting')
    .where('due_ms', '<', (of) =>
      of
        .selectFrom('notification_deliveries')
        .select('due_ms')
        .where('tenant', '=', tenant)
        .where('channel', '=', channel)
        .where('state', '!=', 'waiting')
        .orderBy('due_ms', 'desc')
        .offset(limits.ended)
        .limit(1),
    )
    .execute()
