// SPDX-License-Identifier: Apache-2.0

import type { Health, Reading } from '@sealwatch/base/health'
import { type Conserved, endings, isFull, type Ledgers, type Quarantine, type RowBook } from './ingest/index.ts'
import { createTenantLabels, labelledMax } from './tenant-labels.ts'
import { type Reason, reasons } from './trust/index.ts'

const perReasonMax = (labelledMax + 1) * reasons.length
/** Of each tenant a hundred keys and the rest, few of them for more than one reason. */
const rejectsMax = 16_384

/** ING-7: what became of rows, by tenant, reason and key. Each series is there, at 0, before anything happens. */
export function addRowHealth(
  { show, metrics }: Health,
  of: {
    readonly ledgers: Pick<Ledgers, 'tenants'>
    readonly rowBook: RowBook
    readonly quarantine: Pick<Quarantine, 'waiting' | 'room' | 'ended'>
    /** What walks over the quarantine found wrong, by tenant. */
    readonly unkept: ReadonlyMap<string, NonNullable<Conserved>>
    readonly isStrict: (tenant: string) => boolean
  },
): void {
  const { ledgers, rowBook, quarantine, unkept, isStrict } = of
  const tenants = createTenantLabels()
  const books = () => {
    for (const tenant of ledgers.tenants) rowBook.of(tenant)
    return rowBook.tenants
  }
  const labels = ['tenant']
  const byReason = <T>(values: Iterable<readonly [string, T]>, read: (value: T, reason: Reason) => number): Reading => {
    const all = [...values]
    return reasons.flatMap((reason) =>
      tenants.sum(all, (value) => read(value, reason)).map(([[tenant], rows]) => [[tenant, reason], rows] as const),
    )
  }

  for (const [outcome, told] of [
    ['received', 'that arrived: lines of hosts, and rows of services'],
    ['admitted', 'of them that are in the ledger'],
    ['refused', 'of them that were sent back'],
    ['duplicate', 'of them that were there already'],
  ] as const)
    metrics.counter({ name: `sealwatch_ingest_rows_${outcome}_total`, help: `Rows ${told}`, labels }, () =>
      tenants.sum(books(), (counts) => counts[outcome]),
    )
  metrics.counter(
    {
      name: 'sealwatch_ingest_rows_quarantined_total',
      help: 'Rows of them that failed verification and are kept',
      labels: ['tenant', 'reason'],
      seriesMax: perReasonMax,
    },
    () => byReason(books(), ({ quarantined }, reason) => quarantined[reason]),
  )
  metrics.gauge(
    {
      name: 'sealwatch_quarantine_waiting',
      help: 'Rows that are kept and are in no ledger',
      labels: ['tenant', 'reason'],
      seriesMax: perReasonMax,
    },
    () =>
      byReason(
        ledgers.tenants.map((tenant) => [tenant, quarantine.waiting.get(tenant)] as const),
        (counts, reason) => counts?.[reason] ?? 0,
      ),
  )
  metrics.counter(
    {
      name: 'sealwatch_quarantine_ended_total',
      help: 'Rows that wait no more: admitted behind a replay, or duplicates of rows that came in by another way',
      labels: ['tenant', 'state'],
      seriesMax: (labelledMax + 1) * endings.length,
    },
    () => {
      const all = ledgers.tenants.map((tenant) => [tenant, quarantine.ended.get(tenant)] as const)
      return endings.flatMap((state) =>
        tenants.sum(all, (counts) => counts?.[state] ?? 0).map(([[tenant], rows]) => [[tenant, state], rows] as const),
      )
    },
  )
  metrics.counter(
    {
      name: 'sealwatch_signature_rejects_total',
      help: 'Rows that failed verification, by the key that they claim',
      labels: ['tenant', 'reason', 'key'],
      seriesMax: rejectsMax,
    },
    () =>
      Array.from(rowBook.rejected(), ([tenant, keys]) =>
        Array.from(keys.read(), ([reason, key, rows]) => [[tenant, reason, key], rows] as const),
      ).flat(),
  )
  for (const reason of ['unknown_key', 'invalid_signature'] as const)
    metrics.counter(
      {
        name: `${reason}_admitted_total`,
        help: `Rows admitted though ${reason}, as strict signatures are off`,
        labels,
      },
      () => tenants.sum(books(), ({ unverified }) => unverified[reason]),
    )
  metrics.counter(
    {
      name: 'sealwatch_ingest_rows_unverified_total',
      help: 'Rows of those admitted that failed verification, as strict signatures are off',
      labels: ['tenant', 'reason'],
      seriesMax: perReasonMax,
    },
    () => byReason(books(), ({ unverified }, reason) => unverified[reason]),
  )
  metrics.gauge(
    { name: 'sealwatch_strict_signatures', help: '0 where rows that fail verification are admitted', labels },
    () =>
      tenants
        .sum(
          ledgers.tenants.map((tenant) => [tenant, tenant] as const),
          (tenant) => (isStrict(tenant) ? 0 : 1),
        )
        .map(([tenant, off]) => [tenant, off === 0 ? 1 : 0] as const),
  )
  metrics.gauge(
    {
      name: 'sealwatch_conservation_broken',
      help: '1 where what arrived is not what was admitted, quarantined, refused and known already, or what lies in quarantine is not what the ledger says',
      labels,
    },
    () =>
      tenants
        .sum(
          books()
            .keys()
            .map((tenant) => [tenant, tenant] as const),
          (tenant) => (rowBook.missing(tenant) === 0 && !unkept.has(tenant) ? 0 : 1),
        )
        .map(([tenant, broken]) => [tenant, Math.min(1, broken)] as const),
  )
  show('conservation', () => {
    const broken = [...books().keys()]
      .map((tenant) => ({ tenant, missing: rowBook.missing(tenant) }))
      .filter(({ missing }) => missing !== 0)
    const kept = [...unkept].map(([tenant, found]) => ({ tenant, ...found }))
    return { level: broken.length + kept.length === 0 ? 'ok' : 'critical', broken, quarantine: kept }
  })
  for (const [name, help, read] of [
    ['items', 'Items that are kept and are in no ledger', ({ items }: { items: number }) => items],
    ['bytes', 'Bytes that these take', ({ bytes }: { bytes: number }) => bytes],
  ] as const)
    metrics.gauge({ name: `sealwatch_quarantine_${name}`, help, labels }, () =>
      tenants.sum(
        ledgers.tenants.map((tenant) => [tenant, quarantine.room.get(tenant) ?? { items: 0, bytes: 0 }] as const),
        read,
      ),
    )
  show('quarantine', () => {
    const full = [...quarantine.room].flatMap(([tenant, room]) => (isFull(room) ? [tenant] : []))
    return { level: full.length === 0 ? 'ok' : 'warning', full }
  })
}
