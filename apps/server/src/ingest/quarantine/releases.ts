// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { rfc3339 } from '@sealwatch/base'
import { type Authorised, actBy } from '../../access/index.ts'
import { type Recorded, recordAct } from '../../identity/index.ts'
import { ingestError } from '../errors.ts'
import { actOn } from './act-on.ts'
import type { Admissions, ReplayOutcome } from './admissions.ts'
import type { ItemRows } from './item-rows.ts'
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
}

/** What people let in though its signature does not hold: one asks, another approves (quarantine.md, 5). */
export type Releases = {
  of(tenant: string, leaf: number): Promise<Release | undefined>
  ask(
    by: Authorised<'quarantine:release'>,
    leaf: number,
    cause: string,
  ): Promise<{ release: Release; recorded: Recorded }>
  approve(by: Authorised<'quarantine:release'>, leaf: number, request: string): Promise<ReplayOutcome>
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
    return (
      row && {
        request: row.request,
        cause: row.cause,
        requestedAt: row.requested_at,
        requestedBy: row.requested_by,
        expiresAt: row.expires_at,
        approvedAt: row.approved_at,
        approvedBy: row.approved_by,
      }
    )
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
        if (before !== undefined && before.requestedBy !== requestedBy && before.expiresAt > rfc3339(nowNs))
          throw ingestError('RELEASE_PENDING', {
            attempted,
            received: `${before.request}, asked for by ${before.requestedBy}, which lasts until ${before.expiresAt}`,
          })
        await checkReleasable(row, attempted)
        const expiresAt = rfc3339(nowNs + BigInt(releaseHours) * hourNs)
        const request = `rel_${randomBytes(10).toString('hex')}`
        const release = {
          request,
          cause,
          requestedAt: rfc3339(nowNs),
          requestedBy,
          expiresAt,
          approvedAt: null,
          approvedBy: null,
        }
        const values = {
          request,
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
        return { release, recorded }
      }),
    approve: (by, leaf, request) =>
      inTurn(by.tenant, async () => {
        const attempted = `approving the release of the item at leaf ${leaf}`
        const row = await items.known(by.tenant, leaf, attempted)
        const release = await releaseOf(by.tenant, leaf)
        const name = personOf(by, attempted)
        const atNs = clock.nowNs()
        const isApproved = (release?.approvedAt ?? null) !== null
        const notAsked = (received: string) => ingestError('RELEASE_NOT_ASKED', { attempted, received })
        if (release === undefined) throw notAsked('no request')
        if (release.request !== request) throw notAsked(`${request}, where ${release.request} was asked for`)
        if (!isApproved && release.expiresAt <= rfc3339(atNs)) throw notAsked(`one until ${release.expiresAt}`)
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
                .set({ approved_at: rfc3339(atNs), approved_by: name })
                .where('tenant', '=', by.tenant)
                .where('stub_leaf_index', '=', leaf)
                .execute()
            },
          )
        }
        return admit(by.tenant, leaf, 'release')
      }),
  }
}
