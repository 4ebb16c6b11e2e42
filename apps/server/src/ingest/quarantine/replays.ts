// SPDX-License-Identifier: Apache-2.0

import type { Log } from '@sealwatch/base'
import type { Authorised } from '../../access/index.ts'
import type { SideCustody } from '../../custody/index.ts'
import { type Recorded, type RecordOptions, recordAct } from '../../identity/index.ts'
import { type KeyRegistry, perReason } from '../../trust/index.ts'
import type { Ledgers } from '../ledgers.ts'
import { actOn } from './act-on.ts'
import { createAdmissions, type InQueue, type ReplayOutcome } from './admissions.ts'
import type { Item } from './item-form.ts'
import { createItemRows, leafOf, type Page, type QuarantineCount, type QuarantineFilter } from './item-rows.ts'
import type { QuarantineRow } from './judge-item.ts'
import { createPictures, type PictureFilter } from './pictures.ts'
import type { Quarantine } from './quarantine.ts'
import { type AskedRelease, createReleases, type Release, type Releases } from './releases.ts'
import { settleTenant } from './settle.ts'
import type { Picture, RowsByReason } from './tally.ts'
import { windowsOf } from './windows.ts'

export type ShownItem = { readonly row: QuarantineRow; readonly release: Release | undefined }

export type Waiting = { readonly items: number; readonly rows: RowsByReason; readonly releases: number }

/** What lies in quarantine, and the ways by which it comes into its ledger after all (quarantine.md, 3 to 5). */
export type Replays = Pick<Releases, 'ask' | 'approve' | 'reject'> & {
  list(
    by: Authorised<'quarantine:read'>,
    filter: QuarantineFilter,
    after: number,
    max: number,
  ): Promise<Page<QuarantineRow>>
  counts(by: Authorised<'quarantine:read'>): Promise<readonly QuarantineCount[]>
  /** How much waits, and how many requests for a release: asks for nothing that grows with it. */
  waiting(by: Authorised<'quarantine:read'>): Promise<Waiting>
  /** Of what waits; a moment old where there is much of it. */
  picture(by: Authorised<'quarantine:read'>, filter: PictureFilter): Promise<Picture>
  /** Requests that wait for somebody else. */
  asked(by: Authorised<'quarantine:read'>, after: number, max: number): Promise<Page<AskedRelease>>
  show(by: Authorised<'quarantine:read'>, leaf: number): Promise<ShownItem>
  /** The exact bytes; that they were looked at stands in the ledger. */
  bytes(by: Authorised<'quarantine:read'>, leaf: number): Promise<{ item: Item; recorded: Recorded }>
  /** Judges what waits, in its order, and with `dryRun` does nothing else. An item is admitted once, whoever asks. */
  replay(
    by: Authorised<'quarantine:replay'>,
    filter: QuarantineFilter,
    page: { readonly after: number; readonly max: number; readonly dryRun: boolean },
  ): Promise<Page<ReplayOutcome>>
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

export function createReplays(options: ReplayOptions): Replays {
  const { quarantine } = options
  const items = createItemRows(options.store)
  const admissions = createAdmissions(options, items)
  const releases = createReleases(options, items, admissions)
  const pictureOf = createPictures(items, options.clock)
  const { inTurn, admit } = admissions

  return {
    list: ({ tenant }, filter, after, max) => items.pageOf(tenant, filter, after, max),
    counts: ({ tenant }) => items.countsOf(tenant),
    show: async ({ tenant }, leaf) => ({
      row: await items.known(tenant, leaf, 'showing a quarantined item'),
      release: await releases.of(tenant, leaf),
    }),
    bytes: async (by, leaf) => {
      const row = await items.known(by.tenant, leaf, 'reading a quarantined item')
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
      const page = await items.pageOf(by.tenant, { ...filter, state: 'waiting' }, after, max)
      const step = dryRun ? 'look' : 'verify'
      const outcomes: ReplayOutcome[] = []
      // They share the writes of the ledger and of the database.
      for (const rows of windowsOf(page.items))
        outcomes.push(
          ...(await inTurn(by.tenant, () =>
            allEnded(inQueue(rows, (row, at) => admit(by.tenant, leafOf(row), step, at))),
          )),
        )
      return { items: outcomes, next: page.next }
    },
    waiting: async ({ tenant }) => ({
      items: quarantine.room.get(tenant)?.items ?? 0,
      rows: quarantine.waiting.get(tenant) ?? perReason(() => 0),
      releases: await releases.countAsked(tenant),
    }),
    picture: ({ tenant }, filter) => pictureOf(tenant, filter),
    asked: ({ tenant }, after, max) => releases.asked(tenant, after, max),
    ask: releases.ask,
    approve: releases.approve,
    reject: releases.reject,
    admitUnverified: async (tenant, leaf) =>
      (await inTurn(tenant, () => admit(tenant, leaf, 'non_strict'))).admittedLeaf ?? undefined,
    settle: (tenant) => inTurn(tenant, () => settleTenant(options, admissions, tenant)),
  }
}

/** Begins all at once; each has its place in the ledger behind those before it. */
function inQueue<T, U>(items: readonly T[], work: (item: T, at: InQueue) => Promise<U>): Promise<U>[] {
  let before: Promise<unknown> = Promise.resolve()
  return items.map((item) => {
    const placed = Promise.withResolvers<void>()
    const working = work(item, { before, placed: placed.resolve }).finally(placed.resolve)
    before = placed.promise
    return working
  })
}

/** Once each has ended, one way or the other. */
async function allEnded<T>(works: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(works)
  return Promise.all(works)
}
