// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { type Body, type Line, replayOf } from '@sealwatch/ledger'
import { auditTenant } from '../identity/index.ts'
import { type ReleaseBook, takeReleaseLine, unsaidOfRelease } from '../ingest/index.ts'
import type { Tables } from '../store/index.ts'
import {
  type Acknowledged,
  type AcknowledgedRow,
  acknowledgedIn,
  digestOfAcknowledgement,
  type FleetBook,
  type KeyBook,
  type KeyRow,
  keyOfRow,
  newFleetBook,
  type OwnAct,
  strictActIn,
  takeFleetLine,
  takeKeyLine,
  unsaidOf,
  unsaidOfAcknowledgement,
  unsaidOfGroup,
  unsaidOfMember,
  unsaidOfStrict,
} from '../trust/index.ts'
import type { DatabaseFinding } from './fsck-database.ts'

/** Rows that let something count, and what was released, held against the lines that say so. */
export type VouchingFsck = {
  take(tenant: string, leaf: number, line: Line): void
  /** Once every line was taken. */
  finish(): void
}

type Said = {
  /** Of the ledger's own lines. */
  readonly chain: string
  readonly keys: KeyBook
  readonly releases: ReleaseBook
  readonly fleet: FleetBook
  strict: OwnAct | undefined
  /** The first of each acknowledgement, by its hash. */
  readonly acknowledged: Map<string, Acknowledged>
}
type Released = Pick<DatabaseFinding, 'tenant' | 'leaf'> & { readonly item: string; readonly stubLeaf: number }

export function openVouchingFsck(database: DatabaseSync, tell: (finding: DatabaseFinding) => void): VouchingFsck {
  const said = new Map<string, Said>()
  const wrong = (tenant: string, leaf: number | undefined, text: string) =>
    tell({ store: 'database', derived: false, tenant, leaf, text })
  const released: Released[] = []

  function say(into: Said, body: Body): void {
    takeKeyLine(into.keys, body)
    takeReleaseLine(into.releases, body)
    takeFleetLine(into.fleet, body)
    into.strict = strictActIn(body) ?? into.strict
    const acknowledged = acknowledgedIn(body)
    if (acknowledged !== undefined && !into.acknowledged.has(acknowledged.digest))
      into.acknowledged.set(acknowledged.digest, acknowledged)
  }

  function checkReleased({ tenant = '', leaf, item, stubLeaf }: Released): void {
    const asked = said.get(tenant)?.releases.values() ?? []
    // It may have been asked for more than once.
    const why = [...asked].map((one) => unsaidOfRelease(one, { item, stubLeaf }))
    if (!why.includes(undefined))
      wrong(tenant, leaf, `${item}: was released, and nobody asked for it whom another allowed it`)
  }

  function checkKeys(): void {
    const rows = database
      .prepare(
        `SELECT key.*, gone.compromised_since FROM signing_keys AS key LEFT JOIN signing_key_revocations AS gone
          ON gone.tenant = key.tenant AND gone.key_id = key.key_id AND gone.revoked_at = key.revoked_at`,
      )
      .iterate() as Iterable<KeyRow>
    for (const row of rows) {
      const place = said.has(row.tenant) || row.producer_kind === 'service' ? row.tenant : auditTenant
      const book: KeyBook = said.get(place)?.keys ?? new Map()
      const why = unsaidOf(keyOfRow(row), book)
      if (why !== undefined) wrong(row.tenant, undefined, `the signing key ${row.key_id}: ${why}`)
    }
  }

  function checkStrict(): void {
    const rows = database.prepare("SELECT * FROM strict_modes WHERE state = 'off'").all() as Tables['strict_modes'][]
    for (const row of rows) {
      const why = unsaidOfStrict(row, said.get(row.tenant)?.strict)
      if (why !== undefined) wrong(row.tenant, undefined, `signatures that are not enforced: ${why}`)
    }
  }

  function checkAcknowledged(): void {
    const first = said.get(auditTenant)?.acknowledged ?? new Map<string, Acknowledged>()
    const rows = database.prepare('SELECT * FROM strict_acknowledgements').all() as AcknowledgedRow[]
    const digests = new Set<string>()
    const tell = (digest: string, why: string) =>
      wrong(auditTenant, undefined, `the acknowledgement ${digest} of STRICT_SIGNATURES=false: ${why}`)
    for (const row of rows) {
      const digest = digestOfAcknowledgement(row.acknowledgement)
      digests.add(digest)
      const why = unsaidOfAcknowledgement(row, first.get(digest))
      if (why !== undefined) tell(digest, why)
    }
    for (const digest of first.keys()) if (!digests.has(digest)) tell(digest, 'a line without its row')
  }

  /** Both ways: to take a row away tells hosts something else, too. */
  function checkFleet(): void {
    const versions = database
      .prepare(
        `SELECT * FROM host_group_versions AS one WHERE version =
          (SELECT max(version) FROM host_group_versions WHERE tenant = one.tenant AND group_name = one.group_name)`,
      )
      .all() as Tables['host_group_versions'][]
    const members = database.prepare('SELECT * FROM host_groups').all() as Tables['host_groups'][]
    for (const row of versions) {
      const isWhole = hash('sha256', row.document, 'hex') === row.digest
      const why = isWhole ? unsaidOfGroup(row, said.get(row.tenant)?.fleet ?? newFleetBook()) : 'it has another digest'
      if (why !== undefined) wrong(row.tenant, undefined, `the group of hosts ${row.group_name}: ${why}`)
    }
    for (const [tenant, { fleet }] of said) {
      const rows = new Map(members.filter((row) => row.tenant === tenant).map((row) => [row.host_id, row]))
      for (const hostId of new Set([...rows.keys(), ...fleet.hosts.keys()])) {
        const why = unsaidOfMember(hostId, rows.get(hostId), fleet)
        if (why !== undefined) wrong(tenant, undefined, `the groups of the host ${hostId}: ${why}`)
      }
      const known = new Set(versions.filter((row) => row.tenant === tenant).map((row) => row.group_name))
      for (const name of fleet.groups.keys())
        if (!known.has(name)) wrong(tenant, undefined, `the group of hosts ${name}: a line without its row`)
    }
  }

  function checkApproved(): void {
    const rows = database
      .prepare(
        `SELECT one.tenant, one.stub_leaf_index, one.request, item.item FROM quarantine_releases AS one
          JOIN audit_signature_quarantine AS item USING (tenant, stub_leaf_index) WHERE one.approved_at NOTNULL`,
      )
      .all() as { tenant: string; stub_leaf_index: number; request: string; item: string }[]
    for (const { tenant, stub_leaf_index: stubLeaf, request, item } of rows) {
      const why = unsaidOfRelease(said.get(tenant)?.releases.get(request), { item, stubLeaf })
      if (why !== undefined) wrong(tenant, stubLeaf, `the release ${request}: ${why}`)
    }
  }

  return {
    take: (tenant, leaf, line) => {
      if (leaf === 0)
        said.set(tenant, {
          chain: line.chain,
          keys: new Map(),
          releases: new Map(),
          fleet: newFleetBook(),
          strict: undefined,
          acknowledged: new Map(),
        })
      const into = said.get(tenant)
      if (into === undefined || line.chain !== into.chain) return
      say(into, line)
      const replay = replayOf(line)
      if (replay?.how === 'released') released.push({ tenant, leaf, item: replay.item, stubLeaf: replay.stub_leaf })
    },
    finish: () => {
      for (const one of released) checkReleased(one)
      // What waits there counts once it is a line, and its row is right already.
      const waiting = database.prepare('SELECT tenant, body FROM outbox ORDER BY id').all() as {
        tenant: string
        body: string
      }[]
      for (const { tenant, body } of waiting) {
        const into = said.get(tenant)
        if (into !== undefined) say(into, JSON.parse(body) as Body)
      }
      checkKeys()
      checkStrict()
      checkAcknowledged()
      checkApproved()
      checkFleet()
    },
  }
}
