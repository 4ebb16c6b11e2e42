// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, type Log, messageOf, rfc3339 } from '@sealwatch/base'
import { type Fill, type Ledger, parseLine, type Stub, sha256, unverifiedFill, verifiedFill } from '@sealwatch/ledger'
import { type Authorised, actBy } from '../../access/index.ts'
import type { SideCustody } from '../../custody/index.ts'
import { type Recorded, type RecordOptions, recordAct } from '../../identity/index.ts'
import type { KeyRegistry } from '../../trust/index.ts'
import { ingestError } from '../errors.ts'
import type { Ledgers } from '../ledgers.ts'
import { sealSide } from '../seal-side.ts'
import type { Verdict } from '../verify.ts'
import type { Item } from './item-form.ts'
import { judgeItem, type QuarantineRow } from './judge-item.ts'
import type { Quarantine } from './quarantine.ts'

/** Undefined: whatever it is. Times are RFC 3339, of the quarantining, half-open. */
export type QuarantineFilter = {
  readonly state?: 'waiting' | 'admitted' | undefined
  readonly reason?: string | undefined
  readonly keyId?: string | undefined
  readonly producer?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
}

/**
 * What became of an item, or with a dry run would: `admitted` now, or `already` before; `waiting`, as it is still wrong;
 * `release`: only people can let it in; `altered`: its bytes are gone, or others.
 */
export type ReplayOutcome = {
  readonly leaf: number
  readonly outcome: 'admitted' | 'already' | 'waiting' | 'release' | 'altered'
  readonly lines: number
  readonly reason: string | null
  readonly detail: string
  /** Of its replay. */
  readonly admittedLeaf: number | null
}

type Page<T> = { readonly items: readonly T[]; readonly next: number | undefined }
export type Release = {
  readonly cause: string
  readonly requestedAt: string
  readonly requestedBy: string
  readonly expiresAt: string
  readonly approvedAt: string | null
  readonly approvedBy: string | null
}
export type ShownItem = { readonly row: QuarantineRow; readonly release: Release | undefined }

/** What lies in quarantine, and the ways by which it comes into its ledger after all (quarantine.md, 3 to 5). */
export type Replays = {
  list(
    by: Authorised<'quarantine:read'>,
    filter: QuarantineFilter,
    after: number,
    max: number,
  ): Promise<Page<QuarantineRow>>
  counts(
    by: Authorised<'quarantine:read'>,
  ): Promise<readonly { reason: string; state: string; items: number; rows: number }[]>
  show(by: Authorised<'quarantine:read'>, leaf: number): Promise<ShownItem>
  /** The exact bytes; that they were looked at stands in the ledger. */
  bytes(by: Authorised<'quarantine:read'>, leaf: number): Promise<{ item: Item; recorded: Recorded }>
  /** Judges what waits, in its order, and with `dryRun` does nothing else. An item is admitted once, whoever asks. */
  replay(
    by: Authorised<'quarantine:replay'>,
    filter: QuarantineFilter,
    page: { readonly after: number; readonly max: number; readonly dryRun: boolean },
  ): Promise<Page<ReplayOutcome>>
  ask(
    by: Authorised<'quarantine:release'>,
    leaf: number,
    cause: string,
  ): Promise<{ release: Release; recorded: Recorded }>
  approve(by: Authorised<'quarantine:release'>, leaf: number): Promise<ReplayOutcome>
  /** Of what was quarantined just now, as strict signatures are off: admitted as it is. Undefined: they are on again. */
  admitUnverified(tenant: string, leaf: number): Promise<number | undefined>
  /** What a crash left between two steps is finished: stubs find their row, and what was approved comes in. */
  settle(tenant: string): Promise<void>
}

export type ReplayOptions = RecordOptions & {
  readonly ledgers: Ledgers
  readonly quarantine: Quarantine
  readonly keys: Pick<KeyRegistry, 'of'>
  readonly side: SideCustody
  /** Whether what fails verification stays out; left out: it does. */
  readonly isStrict?: (tenant: string) => boolean
  readonly indexed: { waitFor(tenant: string, leaf: number): Promise<void> }
  readonly log: Log
}

const leafOf = (row: QuarantineRow) => row.stub_leaf_index as number
const isOfService = (row: QuarantineRow) => row.host_id.startsWith('service:')
/** Judged to be without a valid signature, when it came or now. */
const isForPeople = (row: QuarantineRow, verdict: Verdict) =>
  row.reason === 'invalid_signature' || ('reason' in verdict && verdict.reason === 'invalid_signature')
const releaseHours = 24
const hourNs = 3_600_000_000_000n

export function createReplays(options: ReplayOptions): Replays {
  const { store, ledgers, quarantine, keys, isStrict = () => true, indexed, clock, log } = options
  const { db } = store
  /** Tenants whose index was seen to hold every replay of before this process. */
  const seen = new Set<string>()
  const turns = new Map<string, Promise<unknown>>()

  /** One after the other for each tenant: what is judged is admitted before the next is looked at. */
  function inTurn<T>(tenant: string, work: () => Promise<T>): Promise<T> {
    const turn = (turns.get(tenant) ?? Promise.resolve()).then(work)
    turns.set(
      tenant,
      turn.catch(() => undefined),
    )
    return turn
  }

  const rowsOf = (tenant: string, filter: QuarantineFilter) =>
    db
      .selectFrom('audit_signature_quarantine')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('stub_leaf_index', 'is not', null)
      .$if(filter.state !== undefined, (rows) => rows.where('state', '=', filter.state ?? 'waiting'))
      .$if(filter.reason !== undefined, (rows) => rows.where('reason', '=', filter.reason ?? ''))
      .$if(filter.keyId !== undefined, (rows) => rows.where('signing_key_id', '=', filter.keyId ?? ''))
      .$if(filter.producer !== undefined, (rows) => rows.where('host_id', '=', filter.producer ?? ''))
      .$if(filter.since !== undefined, (rows) => rows.where('quarantined_at', '>=', filter.since ?? ''))
      .$if(filter.until !== undefined, (rows) => rows.where('quarantined_at', '<', filter.until ?? ''))
      .orderBy('stub_leaf_index')

  async function pageOf(
    tenant: string,
    filter: QuarantineFilter,
    after: number,
    max: number,
  ): Promise<Page<QuarantineRow>> {
    const items = await rowsOf(tenant, filter)
      .where('stub_leaf_index', '>', after)
      .limit(max + 1)
      .execute()
    const shown = items.slice(0, max)
    return { items: shown, next: items.length > max ? (shown.at(-1)?.stub_leaf_index ?? undefined) : undefined }
  }

  async function known(tenant: string, leaf: number, attempted: string): Promise<QuarantineRow> {
    const row = await rowsOf(tenant, {}).where('stub_leaf_index', '=', leaf).executeTakeFirst()
    if (row === undefined) throw ingestError('QUARANTINE_UNKNOWN', { attempted, received: `leaf ${leaf}` })
    return row
  }

  async function releaseOf(tenant: string, leaf: number): Promise<Release | undefined> {
    const row = await db
      .selectFrom('quarantine_releases')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('stub_leaf_index', '=', leaf)
      .executeTakeFirst()
    return (
      row && {
        cause: row.cause,
        requestedAt: row.requested_at,
        requestedBy: row.requested_by,
        expiresAt: row.expires_at,
        approvedAt: row.approved_at,
        approvedBy: row.approved_by,
      }
    )
  }

  /** Where the ledger says that the item was admitted, whatever the database says. */
  async function filledAt(ledger: Ledger, leaf: number): Promise<number | undefined> {
    const { tenant } = ledger
    if (!seen.has(tenant)) {
      await ledger.settled()
      await indexed.waitFor(tenant, ledger.size)
      seen.add(tenant)
    }
    const row = await store.index
      .selectFrom('fills')
      .select('leaf_index')
      .where('tenant', '=', tenant)
      .where('stub_leaf', '=', leaf)
      .executeTakeFirst()
    return row?.leaf_index
  }

  /** Undefined: `isSame` said no when its place was due, and nothing was done. */
  async function append(
    ledger: Ledger,
    row: QuarantineRow,
    fill: Fill,
    item: Item,
    isSame: () => boolean,
  ): Promise<number | undefined> {
    const { tenant, chain, first_seq: firstSeq } = row
    const values = await sealSide(options, tenant, { chain, firstSeq, lines: fill.lines }, item.beside?.side ?? [])
    if (!isSame()) return undefined
    // From here to the note the ledger alone knows: it is asked again by whoever comes next.
    seen.delete(tenant)
    const { first } = await ledger.append({ fill }, values)
    await quarantine.admitted(row, first)
    seen.add(tenant)
    return first
  }

  async function stubAt(ledger: Ledger, leaf: number): Promise<Stub> {
    const attempted = `reading the stub at leaf ${leaf}`
    const [found] = await ledger.readChecked(leaf, 1)
    const line = found === undefined ? undefined : parseLine(sha256, found.line, attempted).line
    if (line === undefined || !('stub' in line))
      throw ingestError('QUARANTINE_UNKNOWN', { attempted, received: 'no stub' })
    return line.stub
  }

  const isAltered = (error: unknown) =>
    isSealwatchError(error, 'QUARANTINE_ALTERED') ||
    isSealwatchError(error, 'QUARANTINE_GONE') ||
    isSealwatchError(error, 'SEALED_UNREADABLE')

  type Step = 'look' | 'verify' | 'release' | 'non_strict'

  /** `look`: nothing is done. `release`, `non_strict`: with or without a signature that holds. */
  async function admit(tenant: string, leaf: number, step: Step): Promise<ReplayOutcome> {
    // Read within the turn: whoever was before may have admitted it, and the index need not know yet.
    const row = await known(tenant, leaf, 'admitting a quarantined item')
    const lines = row.next_seq - row.first_seq
    const told = (outcome: ReplayOutcome['outcome'], more: Partial<ReplayOutcome> = {}): ReplayOutcome => ({
      leaf,
      outcome,
      lines,
      reason: null,
      detail: '',
      admittedLeaf: null,
      ...more,
    })
    const ledger = ledgers.get(tenant)
    const before = await admittedAt(row)
    if (before !== undefined) {
      if (row.state !== 'admitted') await quarantine.admitted(row, before)
      return told('already', { admittedLeaf: before })
    }
    // Their stubs are others, and what stands behind them is not verbatim lines (submission.md, 7).
    if (isOfService(row))
      return told('waiting', { reason: row.reason, detail: 'rows of services are not replayed by this version' })
    let item: Item
    try {
      item = await quarantine.read(tenant, row)
    } catch (error) {
      if (!isAltered(error)) throw error
      return told('altered', { reason: row.reason, detail: messageOf(error) })
    }
    const stub = await stubAt(ledger, leaf)
    const registered = keys.of(tenant)
    const { version, edition } = registered
    const place = { stub, stubLeaf: leaf, registry: version }
    const admitAs = async (fill: Fill): Promise<ReplayOutcome> => {
      const isSame = () => registered.edition === edition && (step !== 'non_strict' || !isStrict(tenant))
      const admittedLeaf = await append(ledger, row, fill, item, isSame)
      // What changes the registry between the judgement and the place in the ledger is judged by again.
      return admittedLeaf === undefined ? admit(tenant, leaf, step) : told('admitted', { admittedLeaf })
    }
    if (step === 'non_strict') {
      if (isStrict(tenant)) return told('waiting', { reason: row.reason })
      return admitAs(unverifiedFill(sha256, item.bytes, step, place))
    }
    const verdict = await judgeItem({ store, ledger, keys: registered }, row, item)
    if (step === 'release') {
      if (isForPeople(row, verdict)) return admitAs(released(item, place))
      return told('waiting', { reason: row.reason, detail: 'replay is its way, once its key is registered rightly' })
    }
    if ('reason' in verdict) {
      const outcome = verdict.reason === 'invalid_signature' ? 'release' : 'waiting'
      return told(outcome, { reason: verdict.reason, detail: verdict.detail })
    }
    if (row.reason === 'invalid_signature')
      return told('release', { reason: row.reason, detail: 'its signature holds now, and people decide' })
    if (step === 'look') return told('admitted')
    return admitAs(verifiedFill(sha256, verdict.admitted, place))
  }

  function released(item: Item, place: Parameters<typeof unverifiedFill>[3]): Fill {
    try {
      return unverifiedFill(sha256, item.bytes, 'released', place)
    } catch (cause) {
      if (!isSealwatchError(cause)) throw cause
      const attempted = `releasing the item at leaf ${place.stubLeaf}`
      throw ingestError('RELEASE_IMPOSSIBLE', { attempted, received: messageOf(cause), cause })
    }
  }

  /** What can never come in, or needs nobody, is said before anybody puts a name to it. */
  async function checkReleasable(row: QuarantineRow, attempted: string): Promise<void> {
    const { tenant } = row
    const leaf = leafOf(row)
    if (isOfService(row)) throw ingestError('RELEASE_IMPOSSIBLE', { attempted, received: 'rows of a service' })
    const ledger = ledgers.get(tenant)
    const item = await quarantine.read(tenant, row)
    const registered = keys.of(tenant)
    const verdict = await judgeItem({ store, ledger, keys: registered }, row, item)
    if (!isForPeople(row, verdict)) throw ingestError('RELEASE_NOT_NEEDED', { attempted, received: row.reason })
    released(item, { stub: await stubAt(ledger, leaf), stubLeaf: leaf, registry: registered.version })
  }

  async function admittedAt(row: QuarantineRow): Promise<number | undefined> {
    return row.admitted_leaf_index ?? (await filledAt(ledgers.get(row.tenant), leafOf(row)))
  }

  /** Only people release, and the two are not the same. */
  function personOf(by: Authorised<'quarantine:release'>, attempted: string): string {
    const { kind } = by.principal
    const { name } = actBy(by)
    if (kind !== 'person' && kind !== 'operator') throw ingestError('RELEASE_BY_PERSON', { attempted, received: name })
    return name
  }

  const actOn = (by: Authorised, row: QuarantineRow, code: string, verb: 'read' | 'update', message: string) => ({
    code,
    component: 'ingest',
    tenant: row.tenant,
    by: actBy(by),
    verb,
    severity: 'medium' as const,
    message,
    entity: { type: 'Quarantined Item', uid: row.item },
  })

  return {
    list: ({ tenant }, filter, after, max) => pageOf(tenant, filter, after, max),
    counts: async ({ tenant }) => {
      const rows = await db
        .selectFrom('audit_signature_quarantine')
        .select(({ fn }) => [
          'reason',
          'state',
          fn.countAll<number>().as('items'),
          fn.sum<number>('next_seq').as('next'),
          fn.sum<number>('first_seq').as('first'),
        ])
        .where('tenant', '=', tenant)
        .where('stub_leaf_index', 'is not', null)
        .groupBy(['reason', 'state'])
        .orderBy('reason')
        .execute()
      return rows.map(({ reason, state, items, next, first }) => ({ reason, state, items, rows: next - first }))
    },
    show: async ({ tenant }, leaf) => ({
      row: await known(tenant, leaf, 'showing a quarantined item'),
      release: await releaseOf(tenant, leaf),
    }),
    bytes: async (by, leaf) => {
      const row = await known(by.tenant, leaf, 'reading a quarantined item')
      const item = await quarantine.read(by.tenant, row)
      const message = `the quarantined bytes of the stub at leaf ${leaf} were read`
      const recorded = await recordAct(
        options,
        {
          ...actOn(by, row, 'quarantine_bytes_shown', 'read', message),
          details: { quarantine_item: row.item, stub_leaf: leaf },
        },
        async () => undefined,
      )
      return { item, recorded }
    },
    replay: async (by, filter, { after, max, dryRun }) => {
      const page = await pageOf(by.tenant, { ...filter, state: 'waiting' }, after, max)
      const items: ReplayOutcome[] = []
      for (const row of page.items)
        items.push(await inTurn(by.tenant, () => admit(by.tenant, leafOf(row), dryRun ? 'look' : 'verify')))
      return { items, next: page.next }
    },
    ask: (by, leaf, cause) =>
      inTurn(by.tenant, async () => {
        const attempted = `asking for the release of the item at leaf ${leaf}`
        const row = await known(by.tenant, leaf, attempted)
        const requestedBy = personOf(by, attempted)
        const before = await releaseOf(by.tenant, leaf)
        if ((before?.approvedAt ?? null) !== null)
          throw ingestError('RELEASE_DONE', { attempted, received: `approved at ${before?.approvedAt}` })
        const admitted = await admittedAt(row)
        if (admitted !== undefined) throw ingestError('RELEASE_DONE', { attempted, received: `in at leaf ${admitted}` })
        await checkReleasable(row, attempted)
        const nowNs = clock.nowNs()
        const expiresAt = rfc3339(nowNs + BigInt(releaseHours) * hourNs)
        const release = {
          cause,
          requestedAt: rfc3339(nowNs),
          requestedBy,
          expiresAt,
          approvedAt: null,
          approvedBy: null,
        }
        const values = {
          cause,
          requested_at: release.requestedAt,
          requested_by: requestedBy,
          expires_at: expiresAt,
          approved_at: null,
          approved_by: null,
        }
        const message = `the release of ${row.next_seq - row.first_seq} quarantined lines (leaf ${leaf}) was asked for: ${cause}`
        const recorded = await recordAct(
          options,
          {
            ...actOn(by, row, 'quarantine_release_requested', 'update', message),
            details: { quarantine_item: row.item, stub_leaf: leaf, quarantine_cause: cause, expires_at: expiresAt },
          },
          async (tx) => {
            await tx
              .insertInto('quarantine_releases')
              .values({ tenant: row.tenant, stub_leaf_index: leaf, ...values })
              .onConflict((conflict) => conflict.columns(['tenant', 'stub_leaf_index']).doUpdateSet(values))
              .execute()
          },
        )
        return { release, recorded }
      }),
    approve: (by, leaf) =>
      inTurn(by.tenant, async () => {
        const attempted = `approving the release of the item at leaf ${leaf}`
        const row = await known(by.tenant, leaf, attempted)
        const release = await releaseOf(by.tenant, leaf)
        const name = personOf(by, attempted)
        const atNs = clock.nowNs()
        const isApproved = (release?.approvedAt ?? null) !== null
        if (release === undefined || (!isApproved && release.expiresAt <= rfc3339(atNs)))
          throw ingestError('RELEASE_NOT_ASKED', {
            attempted,
            received: release === undefined ? 'no request' : `one until ${release.expiresAt}`,
          })
        if (!isApproved && release.requestedBy === name)
          throw ingestError('RELEASE_BY_PERSON', { attempted, received: name })
        if (!isApproved && (await admittedAt(row)) === undefined) {
          await checkReleasable(row, attempted)
          await recordAct(
            options,
            {
              ...actOn(
                by,
                row,
                'quarantine_release_approved',
                'update',
                `the release of the item at leaf ${leaf} was approved: ${release.cause}`,
              ),
              details: { quarantine_item: row.item, stub_leaf: leaf, quarantine_cause: release.cause },
            },
            async (tx) => {
              await tx
                .updateTable('quarantine_releases')
                .set({ approved_at: rfc3339(atNs), approved_by: name })
                .where('tenant', '=', by.tenant)
                .where('stub_leaf_index', '=', leaf)
                .execute()
            },
          )
        }
        return admit(by.tenant, leaf, 'release')
      }),
    admitUnverified: async (tenant, leaf) =>
      (await inTurn(tenant, () => admit(tenant, leaf, 'non_strict'))).admittedLeaf ?? undefined,
    settle: (tenant) => inTurn(tenant, () => settleTenant(tenant)),
  }

  async function settleTenant(tenant: string): Promise<void> {
    const ledger = ledgers.get(tenant)
    const lost = await db
      .selectFrom('audit_signature_quarantine')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('stub_leaf_index', 'is', null)
      .execute()
    if (lost.length > 0) await indexed.waitFor(tenant, ledger.size)
    for (const row of lost) {
      const found = await store.index
        .selectFrom('batches')
        .select(['leaf_index', 'kind'])
        .where('tenant', '=', tenant)
        .where('chain', '=', row.chain)
        .where('last_seq', '=', row.next_seq - 1)
        .executeTakeFirst()
      // The host sends it again, and gets its stub then.
      if (found?.kind !== 'stub' || (await stubAt(ledger, found.leaf_index)).item !== row.item) continue
      await quarantine.placed({ tenant, chain: row.chain, firstSeq: row.first_seq }, row.item, found.leaf_index)
      log.error('a quarantined batch found its stub after a crash', { tenant, chain: row.chain, reason: row.reason })
    }
    const approved = await db
      .selectFrom('quarantine_releases')
      .innerJoin('audit_signature_quarantine as item', (on) =>
        on
          .onRef('item.tenant', '=', 'quarantine_releases.tenant')
          .onRef('item.stub_leaf_index', '=', 'quarantine_releases.stub_leaf_index'),
      )
      .selectAll('item')
      .where('quarantine_releases.tenant', '=', tenant)
      .where('item.tenant', '=', tenant)
      .where('quarantine_releases.tenant', '=', tenant)
      .where('item.state', '=', 'waiting')
      .where('quarantine_releases.approved_at', 'is not', null)
      .execute()
    for (const row of approved) await admit(tenant, leafOf(row), 'release')
  }
}
