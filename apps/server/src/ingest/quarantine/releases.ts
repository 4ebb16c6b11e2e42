// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { rfc3339 } from '@sealwatch/base'
import type { Selectable } from 'kysely'
import { type Authorised, actBy } from '../../access/index.ts'
import { type Recorded, recordAct } from '../../identity/index.ts'
import type { Tables } from '../../store/index.ts'
import { ingestError } from '../errors.ts'
import { actOn } from './act-on.ts'
import type { Admissions, ReplayOutcome } from './admissions.ts'
import type { ItemRows, Page } from './item-rows.ts'
import type { ReplayOptions } from './replays.ts'

export type Release = {
  /** Names the request: who approves names it. */
  readonly request: string
  readonly cause: string
  readonly requestedAt: string
  readonly requestedBy: string
  readonly expiresAt: string
  readonly approvedAt: string | null
  readonly approvedBy: string | null
  readonly rejectedAt: string | null
  readonly rejectedBy: string | null
  readonly rejectedCause: string | null
}
/** One that somebody else may approve now, and the item that it is for. */
export type AskedRelease = { readonly leaf: number; readonly release: Release }

/** What people let in though its signature does not hold: one asks, another approves (quarantine.md, 5). */
export type Releases = {
  of(tenant: string, leaf: number): Promise<Release | undefined>
  ask(
    by: Authorised<'quarantine:release'>,
    leaf: number,
    cause: string,
  ): Promise<{ release: Release; recorded: Recorded }>
  approve(by: Authorised<'quarantine:release'>, leaf: number, request: string): Promise<ReplayOutcome>
  /** By somebody else, or by who asked: nobody approves it after that, and it may be asked for anew. */
  reject(
    by: Authorised<'quarantine:release'>,
    leaf: number,
    request: string,
    cause: string,
  ): Promise<{ release: Release; recorded: Recorded }>
  /** Those that can be approved now, in the order of their stubs. */
  asked(tenant: string, after: number, max: number): Promise<Page<AskedRelease>>
  countAsked(tenant: string): Promise<number>
}

const releaseHours = 24
const hourNs = 3_600_000_000_000n

export function createReleases(options: ReplayOptions, items: ItemRows, admissions: Admissions): Releases {
  const { clock } = options
  const { db } = options.store
  const { inTurn, admit, admittedAt, checkReleasable } = admissions

  async function releaseOf(tenant: string, leaf: number): Promise<Release | undefined> {
    const row = await db
      .selectFrom('quarantine_releases')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('stub_leaf_index', '=', leaf)
      .executeTakeFirst()
    return row && releaseIn(row)
  }

  /** Nobody has decided them, and there is time left. */
  const open = (tenant: string) =>
    db
      .selectFrom('quarantine_releases')
      .innerJoin('audit_signature_quarantine as item', (on) =>
        on
          .onRef('item.tenant', '=', 'quarantine_releases.tenant')
          .onRef('item.stub_leaf_index', '=', 'quarantine_releases.stub_leaf_index'),
      )
      .where('quarantine_releases.tenant', '=', tenant)
      .where('item.tenant', '=', tenant)
      .where('item.state', '=', 'waiting')
      .where('quarantine_releases.approved_at', 'is', null)
      .where('quarantine_releases.rejected_at', 'is', null)
      .where('quarantine_releases.expires_at', '>', rfc3339(clock.nowNs()))

  /** The request that is named, and still to be decided; throws what else it is. */
  async function decidable(tenant: string, leaf: number, request: string, attempted: string): Promise<Release> {
    const release = await releaseOf(tenant, leaf)
    const notAsked = (received: string) => ingestError('RELEASE_NOT_ASKED', { attempted, received })
    if (release === undefined) throw notAsked('no request')
    if (release.request !== request) throw notAsked(`${request}, where ${release.request} was asked for`)
    if (release.rejectedAt !== null) throw notAsked(`one that ${release.rejectedBy} turned down`)
    if (release.approvedAt === null && release.expiresAt <= rfc3339(clock.nowNs()))
      throw notAsked(`one until ${release.expiresAt}`)
    return release
  }

  /** Only people release, and the two are not the same. */
  function personOf(by: Authorised<'quarantine:release'>, attempted: string): string {
    const { kind } = by.principal
    const { name } = actBy(by)
    if (kind !== 'person' && kind !== 'operator') throw ingestError('RELEASE_BY_PERSON', { attempted, received: name })
    return name
  }

  return {
    of: releaseOf,
    ask: (by, leaf, cause) =>
      inTurn(by.tenant, async () => {
        const attempted = `asking for the release of the item at leaf ${leaf}`
        const row = await items.known(by.tenant, leaf, attempted)
        const requestedBy = personOf(by, attempted)
        const before = await releaseOf(by.tenant, leaf)
        if ((before?.approvedAt ?? null) !== null)
          throw ingestError('RELEASE_DONE', { attempted, received: `approved at ${before?.approvedAt}` })
        const admitted = await admittedAt(row)
        if (admitted !== undefined) throw ingestError('RELEASE_DONE', { attempted, received: `in at leaf ${admitted}` })
        const nowNs = clock.nowNs()
        const isOpen = before !== undefined && before.rejectedAt === null && before.expiresAt > rfc3339(nowNs)
        if (isOpen && before.requestedBy !== requestedBy)
          throw ingestError('RELEASE_PENDING', {
            attempted,
            received: `${before.request}, asked for by ${before.requestedBy}, which lasts until ${before.expiresAt}`,
          })
        await checkReleasable(row, attempted)
        const expiresAt = rfc3339(nowNs + BigInt(releaseHours) * hourNs)
        const request = `rel_${randomBytes(10).toString('hex')}`
        const values = {
          request,
          cause,
          requested_at: rfc3339(nowNs),
          requested_by: requestedBy,
          expires_at: expiresAt,
          approved_at: null,
          approved_by: null,
          rejected_at: null,
          rejected_by: null,
          rejected_cause: null,
        }
        const message = `the release of ${row.next_seq - row.first_seq} quarantined lines (leaf ${leaf}) was asked for: ${cause}`
        const recorded = await recordAct(
          options,
          {
            ...actOn(by, row, 'quarantine_release_requested', 'update', message),
            details: {
              quarantine_item: row.item,
              stub_leaf: leaf,
              quarantine_request: request,
              quarantine_cause: cause,
              expires_at: expiresAt,
            },
          },
          async (tx) => {
            await tx
              .insertInto('quarantine_releases')
              .values({ tenant: row.tenant, stub_leaf_index: leaf, ...values })
              .onConflict((conflict) => conflict.columns(['tenant', 'stub_leaf_index']).doUpdateSet(values))
              .execute()
          },
        )
        return { release: releaseIn(values), recorded }
      }),
    approve: (by, leaf, request) =>
      inTurn(by.tenant, async () => {
        const attempted = `approving the release of the item at leaf ${leaf}`
        const row = await items.known(by.tenant, leaf, attempted)
        const release = await decidable(by.tenant, leaf, request, attempted)
        const name = personOf(by, attempted)
        const isApproved = release.approvedAt !== null
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
              details: {
                quarantine_item: row.item,
                stub_leaf: leaf,
                quarantine_request: request,
                quarantine_cause: release.cause,
              },
            },
            async (tx) => {
              await tx
                .updateTable('quarantine_releases')
                .set({ approved_at: rfc3339(clock.nowNs()), approved_by: name })
                .where('tenant', '=', by.tenant)
                .where('stub_leaf_index', '=', leaf)
                .execute()
            },
          )
        }
        return admit(by.tenant, leaf, 'release')
      }),
    reject: (by, leaf, request, cause) =>
      inTurn(by.tenant, async () => {
        const attempted = `turning down the release of the item at leaf ${leaf}`
        const row = await items.known(by.tenant, leaf, attempted)
        const release = await decidable(by.tenant, leaf, request, attempted)
        const name = personOf(by, attempted)
        if (release.approvedAt !== null)
          throw ingestError('RELEASE_DONE', { attempted, received: `approved at ${release.approvedAt}` })
        const rejectedAt = rfc3339(clock.nowNs())
        const message = `the release of the item at leaf ${leaf} was turned down: ${cause}`
        const recorded = await recordAct(
          options,
          {
            ...actOn(by, row, 'quarantine_release_rejected', 'update', message),
            details: {
              quarantine_item: row.item,
              stub_leaf: leaf,
              quarantine_request: request,
              quarantine_cause: cause,
            },
          },
          async (tx) => {
            await tx
              .updateTable('quarantine_releases')
              .set({ rejected_at: rejectedAt, rejected_by: name, rejected_cause: cause })
              .where('tenant', '=', by.tenant)
              .where('stub_leaf_index', '=', leaf)
              .execute()
          },
        )
        return { release: { ...release, rejectedAt, rejectedBy: name, rejectedCause: cause }, recorded }
      }),
    asked: async (tenant, after, max) => {
      const rows = await open(tenant)
        .selectAll('quarantine_releases')
        .where('quarantine_releases.stub_leaf_index', '>', after)
        .orderBy('quarantine_releases.stub_leaf_index')
        .limit(max + 1)
        .execute()
      const asked = rows.slice(0, max).map((row) => ({ leaf: row.stub_leaf_index, release: releaseIn(row) }))
      return { items: asked, next: rows.length > max ? asked.at(-1)?.leaf : undefined }
    },
    countAsked: async (tenant) => {
      const count = await open(tenant)
        .select(({ fn }) => fn.countAll<number>().as('requests'))
        .executeTakeFirst()
      return count?.requests ?? 0
    },
  }
}

type ReleaseRow = Omit<Selectable<Tables['quarantine_releases']>, 'tenant' | 'stub_leaf_index'>
const releaseIn = (row: ReleaseRow): Release => ({
  request: row.request,
  cause: row.cause,
  requestedAt: row.requested_at,
  requestedBy: row.requested_by,
  expiresAt: row.expires_at,
  approvedAt: row.approved_at,
  approvedBy: row.approved_by,
  rejectedAt: row.rejected_at,
  rejectedBy: row.rejected_by,
  rejectedCause: row.rejected_cause,
})
