// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import { slugName } from '@sealwatch/contract'
import { nearest } from '@sealwatch/contract/nearest'
import { type Authorised, actBy } from '../access/index.ts'
import { type Act, type Follows, type Reader, type Recorded, type RecordOptions, recordAct } from '../identity/index.ts'
import type { ProducerKind, Tx } from '../store/index.ts'
import { perTenantMax, trustError, trustErrors } from './errors.ts'
import type { KeyRegistry } from './registry.ts'

export type ProducerRow = {
  readonly producer: string
  readonly createdAt: string
  readonly createdBy: string
  readonly haltedAt: string | null
  readonly haltedBy: string | null
  /** How many, with those that ended. */
  readonly keys: number
}

/** Who may send rows besides hosts, and who may not for the time being. */
export type Producers = {
  list(by: Authorised<'producer:read'>): Promise<ProducerRow[]>
  /** Throws PRODUCER_UNKNOWN. */
  get(by: Authorised<'producer:read'>, producer: string): Promise<ProducerRow>
  /** Counts once its line is in the ledger. Throws PRODUCER_INVALID, PRODUCER_EXISTS or TRUST_TOO_MANY. */
  add(by: Authorised<'producer:manage'>, producer: string): Promise<Recorded>
  /** Refuses its rows at the door, at once; they stay with the producer. Throws PRODUCER_UNKNOWN. */
  halt(by: Authorised<'producer:halt'>, one: Whom, cause: string): Promise<Recorded>
  /** Throws PRODUCER_UNKNOWN. */
  resume(by: Authorised<'producer:halt'>, one: Whom): Promise<Recorded>
}
export type Whom = { readonly kind: ProducerKind; readonly producer: string }

export function createProducers(options: RecordOptions & { readonly keys: KeyRegistry }): Producers {
  const { store, keys } = options

  const rowsOf = (tenant: string) =>
    store.db
      .selectFrom('producers as one')
      .leftJoin('producer_halts as halt', (join) =>
        join
          .onRef('halt.tenant', '=', 'one.tenant')
          .onRef('halt.producer', '=', 'one.producer')
          .on('halt.producer_kind', '=', 'service'),
      )
      .selectAll('one')
      .select(['halt.halted_at', 'halt.halted_by'])
      .select((of) =>
        of
          .selectFrom('signing_keys as key')
          .select(({ fn }) => fn.countAll<number>().as('keys'))
          .where('key.tenant', '=', tenant)
          .whereRef('key.producer', '=', 'one.producer')
          .where('key.producer_kind', '=', 'service')
          .as('keys'),
      )
      .where('one.tenant', '=', tenant)
      .orderBy('one.producer')

  const shown = (row: Awaited<ReturnType<ReturnType<typeof rowsOf>['execute']>>[number]): ProducerRow => ({
    producer: row.producer,
    createdAt: row.created_at,
    createdBy: row.created_by,
    haltedAt: row.halted_at,
    haltedBy: row.halted_by,
    keys: row.keys ?? 0,
  })

  function act(
    by: Authorised,
    { kind, producer }: Whom,
    matter: Pick<Act, 'code' | 'verb' | 'severity' | 'message'> & { readonly cause?: string },
    change: (tx: Tx, now: string) => Promise<void>,
    follows: Follows,
  ): Promise<Recorded> {
    const { tenant } = by
    const { cause, ...rest } = matter
    const details = { producer, producer_kind: kind, ...(cause !== undefined && { cause }) }
    const entity = { type: 'Producer', uid: `${tenant}/${kind}/${producer}` }
    return recordAct(
      options,
      { ...rest, component: 'trust', tenant, by: actBy(by), entity, details },
      (tx, timeNs) => change(tx, rfc3339(timeNs)),
      follows,
    )
  }

  /** Of hosts those of the tenant itself. */
  function known(tenant: string, { kind, producer }: Whom, attempted: string) {
    const found = keys.of(tenant).producer(kind, producer)
    if (found?.tenant === tenant) return found
    throw trustError('PRODUCER_UNKNOWN', { attempted, received: `the ${kind} ${producer}` })
  }

  return {
    list: async ({ tenant }) => (await rowsOf(tenant).execute()).map(shown),
    get: async ({ tenant }, producer) => {
      await checkService(store.db, { tenant, producer }, 'reading a producer')
      return shown(await rowsOf(tenant).where('one.producer', '=', producer).executeTakeFirstOrThrow())
    },
    add: async (by, producer) => {
      const { tenant } = by
      const attempted = `adding the service ${producer.slice(0, slugName.max)}`
      if (!slugName.form.test(producer))
        throw trustError('PRODUCER_INVALID', { attempted: 'adding a service', received: producer })
      const message = `the service ${producer} may send rows, as far as keys are added for it`
      return act(
        by,
        { kind: 'service', producer },
        { code: 'producer_added', verb: 'create', severity: 'medium', message },
        (tx, now) => insertProducer(tx, { tenant, producer, created_at: now, created_by: actBy(by).name }, attempted),
        keys.giveProducer({ tenant, kind: 'service', producer, haltedAt: null }),
      )
    },
    halt: async (by, one, cause) => {
      const { tenant } = by
      const attempted = `halting the ${one.kind} ${one.producer}`
      const found = known(tenant, one, attempted)
      const now = rfc3339(options.clock.nowNs())
      const row = { tenant, producer_kind: one.kind, producer: one.producer, halted_at: now, halted_by: actBy(by).name }
      const message = `of the ${one.kind} ${one.producer} nothing is taken any more: ${cause}`
      return act(
        by,
        one,
        { code: 'producer_halted', verb: 'suspend', severity: 'high', message, cause },
        async (tx) => {
          await tx
            .insertInto('producer_halts')
            .values(row)
            .onConflict((conflict) => conflict.doNothing())
            .execute()
        },
        keys.takeProducer({ ...found, haltedAt: found.haltedAt ?? now }),
      )
    },
    resume: async (by, one) => {
      const { tenant } = by
      const found = known(tenant, one, `resuming the ${one.kind} ${one.producer}`)
      const message = `what the ${one.kind} ${one.producer} sends is taken again`
      return act(
        by,
        one,
        { code: 'producer_resumed', verb: 'resume', severity: 'medium', message },
        async (tx) => {
          await tx
            .deleteFrom('producer_halts')
            .where('tenant', '=', tenant)
            .where('producer_kind', '=', one.kind)
            .where('producer', '=', one.producer)
            .execute()
        },
        keys.giveProducer({ ...found, haltedAt: null }),
      )
    },
  }
}

/** Throws PRODUCER_UNKNOWN, with the service of the tenant that may be meant. */
export async function checkService(
  db: Reader,
  { tenant, producer }: { readonly tenant: string; readonly producer: string },
  attempted: string,
): Promise<void> {
  const rows = await db.selectFrom('producers').select('producer').where('tenant', '=', tenant).execute()
  const names = rows.map((row) => row.producer)
  if (names.includes(producer)) return
  const meant = nearest(producer, names)
  const { advice } = trustErrors.PRODUCER_UNKNOWN
  throw trustError('PRODUCER_UNKNOWN', {
    attempted,
    received: producer,
    advice: meant === undefined ? advice : `Did you mean ${meant}? ${advice}`,
  })
}

/** Throws PRODUCER_EXISTS or TRUST_TOO_MANY. */
export async function insertProducer(
  tx: Tx,
  row: { readonly tenant: string; readonly producer: string; readonly created_at: string; readonly created_by: string },
  attempted: string,
): Promise<void> {
  const all = await tx.selectFrom('producers').select('producer').where('tenant', '=', row.tenant).execute()
  if (all.some(({ producer }) => producer === row.producer))
    throw trustError('PRODUCER_EXISTS', { attempted, received: row.producer })
  if (all.length >= perTenantMax.producers)
    throw trustError('TRUST_TOO_MANY', { attempted, received: `${all.length} services` })
  await tx.insertInto('producers').values(row).execute()
}
