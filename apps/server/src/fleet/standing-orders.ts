// SPDX-License-Identifier: Apache-2.0
// What the hands of hosts may do while nobody is there to ask (docs/formats/orders.md): issued when a host tells the key of its guard, renewed at
// half of its life, withdrawn where a group says that nothing is killed.

import { hash, randomBytes } from 'node:crypto'
import { canonicalize, createRate, createTurns, isSealwatchError, type Log, rfc3339, toSeconds } from '@sealwatch/base'
import { guardOrdersOf } from '@sealwatch/contract/guard-config'
import { mergeGroups } from '@sealwatch/contract/host-config'
import {
  type AuthoritySigner,
  keyIdOf,
  type OrderStep,
  orderSteps,
  type StandingOrder,
  signStandingOrder,
  spkiOf,
} from '@sealwatch/keys'
import { type ActBy, type Host, type RecordOptions, recordAct } from '../identity/index.ts'
import type { HandsReport, OrderPort } from '../ingest/index.ts'
import { across, type Tables } from '../store/index.ts'
import type { Groups } from './groups.ts'

export type StandingOrderState = {
  readonly version: number
  /** Empty: it is withdrawn. */
  readonly steps: readonly OrderStep[]
  readonly issuedAt: string
  readonly expiresAt: string
  /** Hex SHA-256 of the raw key by which the guard commands. */
  readonly guardKeyId: string
  /** What the hands said last. */
  readonly held: { readonly version: number; readonly refusedWhy: string; readonly at: string }
}

export type StandingOrders = OrderPort & {
  /** Undefined: there never was one. */
  stateOf(tenant: string, hostId: string): Promise<StandingOrderState | undefined>
  /** Lets hosts be looked at whose orders are due, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

export type StandingOrdersOptions = RecordOptions & {
  readonly groups: Pick<Groups, 'of'>
  /** The CA that the deployment has now. */
  readonly signer: () => AuthoritySigner
  /** Called when hosts of the tenant may be told something else than before. */
  readonly changed: (tenant: string) => void
  readonly log: Log
}

type Row = Tables['standing_orders']

const killsAMinute = 60
/** A host that is revoked hears nothing more of us: what its hands may do is over soon. One that is cut off goes on as long. */
const lifeMs = 7 * 86_400_000
const everyEntry = ['*']
/** What a signer may take for its answer. */
const answerMsMax = 10_000
const lookEveryMs = 60_000
/** Of one host, which tells another key again and again. */
const issuedOf = { burst: 5, perSecond: 1 / 60, keysMax: 10_000 } as const
const itself: ActBy = { name: 'server:orders', requestId: 'standing-order' }

export function createStandingOrders(options: StandingOrdersOptions): StandingOrders {
  const { store, groups, signer, changed, clock, log } = options
  const { db } = store
  const issuing = createTurns()
  const issued = createRate(clock, issuedOf)

  const rowOf = (tenant: string, hostId: string): Promise<Row | undefined> =>
    db
      .selectFrom('standing_orders')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('host_id', '=', hostId)
      .executeTakeFirst()

  async function stepsOf({ tenant, hostId }: Host): Promise<readonly OrderStep[]> {
    const { mode, responses } = guardOrdersOf(mergeGroups(await groups.of(tenant, hostId)).guard)
    return mode === 'off' || responses.kill === 'off' ? [] : orderSteps
  }

  /** One that withdraws does so for good; another is renewed at half of its life. */
  const isDue = ({ steps, issued_at, expires_at }: Row): boolean => {
    const [fromMs, toMs] = [Date.parse(issued_at), Date.parse(expires_at)]
    return steps !== '[]' && clock.nowMs() >= fromMs + (toMs - fromMs) / 2
  }

  async function desired(host: Host, hands: HandsReport): ReturnType<OrderPort['desired']> {
    const { tenant, hostId } = host
    const row = await rowOf(tenant, hostId)
    if (row !== undefined) await keepReport(row, hands)
    const steps = await stepsOf(host)
    const guardKey = spkiOf(hands.guardKey).toBase64()
    // Who never might do anything need not be told that they may not.
    if (row === undefined && steps.length === 0) return undefined
    // Of a server that was restored from before: its host holds more than it knows of.
    const isKnown = row !== undefined && (hands.version < row.version || hands.digest === row.digest)
    if (isKnown && row.guard_key === guardKey && row.steps === JSON.stringify(steps) && !isDue(row))
      return hands.version === row.version ? undefined : row
    return issue(host, hands, row, { guardKey, steps })
  }

  async function issue(
    host: Host,
    hands: HandsReport,
    row: Row | undefined,
    { guardKey, steps }: { readonly guardKey: string; readonly steps: readonly OrderStep[] },
  ): Promise<Row | undefined> {
    const { tenant, hostId } = host
    // Another connection of the host is at it, or was too often.
    const leave = issuing.enter(hostId, 1)
    if (leave === undefined || issued.take(hostId) > 0) {
      leave?.()
      return undefined
    }
    try {
      const nowNs = clock.nowNs()
      const order: StandingOrder = {
        v: 1,
        host: hostId,
        tenant,
        order: randomBytes(16).toString('hex'),
        version: Math.max(row?.version ?? 0, hands.version) + 1,
        guard_key: guardKey,
        steps,
        scope: everyEntry,
        kills_a_minute: killsAMinute,
        issued_at: rfc3339(nowNs),
        expires_at: rfc3339(nowNs + BigInt(lifeMs) * 1_000_000n),
      }
      const signed = await signStandingOrder(order, signer(), AbortSignal.timeout(answerMsMax))
      const next: Row = {
        tenant,
        host_id: hostId,
        version: order.version,
        guard_key: guardKey,
        steps: JSON.stringify(steps),
        digest: hash('sha256', Buffer.from(signed.payload, 'base64'), 'hex'),
        envelope: canonicalize(signed),
        issued_at: order.issued_at,
        expires_at: order.expires_at,
        ...reportedBy(hands, order.issued_at),
      }
      await keep(host, next, { isFirst: row === undefined, guardKeyId: keyIdOf(hands.guardKey), steps })
      return next
    } catch (error) {
      if (!isSealwatchError(error)) throw error
      log.error('no standing order can be issued; the hands of a host go on with the one they have', {
        host_id: hostId,
        error,
      })
      return undefined
    } finally {
      leave()
    }
  }

  /** It stands in the ledger before it goes to the host. */
  async function keep(
    { tenant, hostId, hostname }: Host,
    row: Row,
    { isFirst, guardKeyId, steps }: { isFirst: boolean; guardKeyId: string; steps: readonly OrderStep[] },
  ): Promise<void> {
    const isWithdrawn = steps.length === 0
    const may = isWithdrawn ? 'may end no process any more' : `may end processes until ${toSeconds(row.expires_at)}`
    const act = {
      code: isWithdrawn ? 'standing_order_withdrawn' : 'standing_order_issued',
      component: 'fleet',
      tenant,
      by: itself,
      verb: isFirst ? ('create' as const) : ('update' as const),
      severity: 'low' as const,
      message: `the hands of the host ${hostname} ${may}: standing order ${row.version}`,
      entity: { type: 'Standing Order', uid: `${hostId}/${row.version}` },
      details: {
        host_id: hostId,
        standing_order: row.digest,
        standing_order_version: row.version,
        order_steps: [...steps],
        guard_key_id: guardKeyId,
        expires_at: row.expires_at,
      },
    }
    await recordAct(options, act, async (tx) => {
      const { tenant: _, host_id: __, ...change } = row
      await tx
        .insertInto('standing_orders')
        .values(row)
        .onConflict((conflict) => conflict.columns(['tenant', 'host_id']).doUpdateSet(change))
        .execute()
    })
  }

  async function keepReport(row: Row, hands: HandsReport): Promise<void> {
    const isSame =
      row.reported_version === hands.version &&
      row.reported_digest === hands.digest &&
      row.refused_why === hands.refusedWhy
    if (isSame) return
    await store.transaction((tx) =>
      tx
        .updateTable('standing_orders')
        .set(reportedBy(hands, rfc3339(clock.nowNs())))
        .where('tenant', '=', row.tenant)
        .where('host_id', '=', row.host_id)
        .execute(),
    )
  }

  async function look(): Promise<void> {
    const rows = await across(db, 'status')
      .selectFrom('standing_orders')
      .innerJoin('hosts', (join) =>
        join
          .onRef('hosts.tenant', '=', 'standing_orders.tenant')
          .onRef('hosts.host_id', '=', 'standing_orders.host_id'),
      )
      .selectAll('standing_orders')
      .where('hosts.revoked_at', 'is', null)
      .execute()
    for (const tenant of new Set(rows.filter(isDue).map((row) => row.tenant))) changed(tenant)
  }

  return {
    desired,
    stateOf: async (tenant, hostId) => {
      const row = await rowOf(tenant, hostId)
      return row && stateOf(row)
    },
    run: async (signal) => {
      while (!signal.aborted) {
        await look()
        await clock.sleep(lookEveryMs, signal)
      }
    },
  }
}

const reportedBy = ({ version, digest, refusedWhy }: HandsReport, at: string) => ({
  reported_version: version,
  reported_digest: digest,
  refused_why: refusedWhy,
  reported_at: at,
})

const stateOf = (row: Row): StandingOrderState => ({
  version: row.version,
  steps: JSON.parse(row.steps) as OrderStep[],
  issuedAt: row.issued_at,
  expiresAt: row.expires_at,
  guardKeyId: keyIdOf(Buffer.from(row.guard_key, 'base64').subarray(-32)),
  held: { version: row.reported_version, refusedWhy: row.refused_why, at: row.reported_at },
})
