// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { createRate, rfc3339 } from '@sealwatch/base'
import type { SeverityName } from '@sealwatch/contract'
import type { Sealing } from '@sealwatch/keys/sealing'
import { type Authorised, actBy } from '../access/index.ts'
import { type Recorded, type RecordOptions, recordAct } from '../identity/index.ts'
import type { Tables, Tx } from '../store/index.ts'
import { notifyError } from './errors.ts'
import { notifyLimits as limits } from './limits.ts'
import { testOf } from './notice.ts'
import { type Channel, type Send, secretPlace } from './send.ts'
import { shownTarget, targetOf, unfitOf } from './targets.ts'
import { drawWebhookSecret, type Sent } from './webhook.ts'

type Secrets = 'secret' | 'old_secret'
type Last = Pick<Tables['notification_deliveries'], 'delivery' | 'state' | 'tries' | 'problem' | 'due_ms'>
/** A channel as it may be shown: `owed` messages wait for it, `dead` are remembered that it never took. */
export type ChannelRecord = Omit<Channel, Secrets> & {
  readonly owed: number
  readonly dead: number
  /** What ended last. */
  readonly last: Last | undefined
}

/** To whom a tenant, or in `cluster` the deployment, has alerts told at once. */
export type Channels = {
  list(by: Authorised<'notification:read'>): Promise<ChannelRecord[]>
  /** The secret is shown this once; mail has none (''). Throws CHANNEL_TARGET_UNFIT, CHANNELS_TOO_MANY, MAIL_NOT_SET. */
  create(
    by: Authorised<'notification:manage'>,
    wanted: { readonly name: string; readonly target: string; readonly least: SeverityName },
  ): Promise<{ readonly channel: ChannelRecord; readonly secret: string; readonly recorded: Recorded }>
  /** Another secret, shown this once; the one before signs for a day, too. Throws CHANNEL_UNKNOWN, CHANNEL_UNSIGNED. */
  rotate(
    by: Authorised<'notification:manage'>,
    channel: string,
  ): Promise<{ readonly secret: string; readonly untilMs: number; readonly recorded: Recorded }>
  /** Sends a message that says it is a test, once and now. Throws CHANNEL_UNKNOWN, CHANNEL_TESTS_TOO_MANY. */
  test(
    by: Authorised<'notification:manage'>,
    channel: string,
  ): Promise<{ readonly sent: Sent; readonly recorded: Recorded }>
  /** With what waits for it. Throws CHANNEL_UNKNOWN. */
  remove(by: Authorised<'notification:manage'>, channel: string): Promise<Recorded>
}

export type ChannelsOptions = RecordOptions & {
  readonly sealing: Pick<Sealing, 'seal'>
  readonly send: Send
  readonly hasMail: boolean
}

export function createChannels(options: ChannelsOptions): Channels {
  const { store, sealing, send, hasMail, clock } = options
  const tests = createRate(clock, limits.tests)

  const rowOf = (tenant: string, channel: string) =>
    store.db
      .selectFrom('notification_channels')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('channel', '=', channel)
      .executeTakeFirst()

  async function known(tenant: string, channel: string, attempted: string): Promise<Channel> {
    const row = await rowOf(tenant, channel)
    if (row === undefined) throw notifyError('CHANNEL_UNKNOWN', { attempted, received: channel })
    return row
  }

  async function draw(tenant: string, channel: string) {
    const secret = drawWebhookSecret()
    return { secret, sealed: await sealing.seal(secretPlace(tenant, channel), Buffer.from(secret, 'latin1')) }
  }

  const lastOf = (tenant: string, channel: string): Promise<Last | undefined> =>
    store.db
      .selectFrom('notification_deliveries')
      .select(['delivery', 'state', 'tries', 'problem', 'due_ms'])
      .where('tenant', '=', tenant)
      .where('channel', '=', channel)
      .where('state', 'in', ['sent', 'given_up'])
      .orderBy('due_ms', 'desc')
      .limit(1)
      .executeTakeFirst()

  async function checkRoom(tx: Tx, tenant: string, attempted: string): Promise<void> {
    const { count } = await tx
      .selectFrom('notification_channels')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('tenant', '=', tenant)
      .executeTakeFirstOrThrow()
    if (count >= limits.channels) throw notifyError('CHANNELS_TOO_MANY', { attempted, received: `${count} channels` })
  }

  const actOf = (
    by: Authorised,
    { channel, name, target }: Pick<Channel, 'channel' | 'name' | 'target'>,
    what: 'added' | 'tested' | 'removed' | 'rotated',
  ) => ({
    code: `notification_channel_${what}`,
    component: 'notify',
    tenant: by.tenant,
    by: actBy(by),
    verb: ({ added: 'create', tested: 'read', removed: 'delete', rotated: 'update' } as const)[what],
    severity: 'medium' as const,
    message: `the notification channel ${name} to ${shownTarget(target)} was ${what === 'rotated' ? 'given another secret' : what}`,
    entity: { type: 'Notification Channel', uid: `${by.tenant}/${channel}` },
    details: { notification: { channel } },
  })

  return {
    list: async ({ tenant }) => {
      const rows = await store.db
        .selectFrom('notification_channels')
        .selectAll()
        .where('tenant', '=', tenant)
        .orderBy('created_at')
        .orderBy('channel')
        .execute()
      const counted = await store.db
        .selectFrom('notification_deliveries')
        .select(({ fn }) => ['channel', 'state', fn.countAll<number>().as('count')])
        .where('tenant', '=', tenant)
        .where('state', 'in', ['waiting', 'given_up'])
        .groupBy(['channel', 'state'])
        .execute()
      const counts = new Map(counted.map(({ channel, state, count }) => [`${channel} ${state}`, count]))
      const records: ChannelRecord[] = []
      for (const row of rows) {
        const owed = counts.get(`${row.channel} waiting`) ?? 0
        const dead = counts.get(`${row.channel} given_up`) ?? 0
        records.push(recordOf(row, { owed, dead, last: await lastOf(tenant, row.channel) }))
      }
      return records
    },
    create: async (by, { name, target: text, least }) => {
      const { tenant } = by
      const attempted = `adding the notification channel ${name}`
      const target = targetOf(text)
      if (target === undefined) throw notifyError('CHANNEL_TARGET_UNFIT', { attempted, received: unfitOf(text) })
      if (target.kind === 'mail' && !hasMail) throw notifyError('MAIL_NOT_SET', { attempted })
      const channel = `ntf_${randomBytes(10).toString('hex')}`
      const drawn = target.kind === 'webhook' ? await draw(tenant, channel) : { secret: '', sealed: Buffer.alloc(0) }
      const row: Channel = {
        tenant,
        channel,
        kind: target.kind,
        name,
        target: target.kind === 'webhook' ? target.url : text,
        least,
        secret: drawn.sealed,
        old_secret: null,
        old_until_ms: null,
        created_at: '',
        created_by: actBy(by).name,
        failing_since: null,
        problem: '',
      }
      let kept = row
      const recorded = await recordAct(options, actOf(by, row, 'added'), async (tx, timeNs) => {
        await checkRoom(tx, tenant, attempted)
        kept = { ...row, created_at: rfc3339(timeNs) }
        await tx.insertInto('notification_channels').values(kept).execute()
      })
      return { channel: recordOf(kept, { owed: 0, dead: 0, last: undefined }), secret: drawn.secret, recorded }
    },
    rotate: async (by, id) => {
      const attempted = `rotating the secret of the notification channel ${id}`
      const row = await known(by.tenant, id, attempted)
      if (row.kind !== 'webhook') throw notifyError('CHANNEL_UNSIGNED', { attempted, received: row.kind })
      const { secret, sealed } = await draw(by.tenant, id)
      const untilMs = clock.nowMs() + limits.oldSecretMs
      const recorded = await recordAct(options, actOf(by, row, 'rotated'), async (tx) => {
        await tx
          .updateTable('notification_channels')
          .set((of) => ({ old_secret: of.ref('secret'), old_until_ms: untilMs, secret: sealed }))
          .where('tenant', '=', by.tenant)
          .where('channel', '=', id)
          .execute()
      })
      return { secret, untilMs, recorded }
    },
    test: async (by, id) => {
      const attempted = `testing the notification channel ${id}`
      const row = await known(by.tenant, id, attempted)
      const waitMs = tests.take(by.tenant)
      if (waitMs > 0) throw notifyError('CHANNEL_TESTS_TOO_MANY', { attempted, waitMs })
      // Whoever is called by our word is in the ledger before.
      const recorded = await recordAct(options, actOf(by, row, 'tested'), async () => undefined)
      const message = testOf(clock.nowMs())
      const sent = await send(row, randomBytes(16).toString('hex'), message, AbortSignal.timeout(limits.answerMs))
      return { sent, recorded }
    },
    remove: async (by, id) => {
      const { tenant } = by
      const row = await known(tenant, id, `removing the notification channel ${id}`)
      return recordAct(options, actOf(by, row, 'removed'), async (tx) => {
        for (const table of ['notification_channels', 'notification_deliveries'] as const)
          await tx.deleteFrom(table).where('tenant', '=', tenant).where('channel', '=', id).execute()
      })
    },
  }
}

const recordOf = (
  { secret: _, old_secret: _before, ...row }: Channel,
  counts: Pick<ChannelRecord, 'owed' | 'dead' | 'last'>,
): ChannelRecord => ({ ...row, ...counts })
