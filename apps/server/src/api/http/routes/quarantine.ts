// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import type { QuarantineFilter, Release, Replays } from '../../../ingest/index.ts'
import { reasons } from '../../../trust/index.ts'
import { type Route, route } from '../route.ts'
import { pageMax, pageOf, recorded, recordedJson, time } from '../shapes.ts'

const tag = 'quarantine'
const leaf = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const params = z.object({ leaf_index: leaf.describe('Of the stub in its place') })
const cursor = leaf.optional().describe('`next` of the page before')
const limit = (most: number) => z.coerce.number().int().min(1).max(most).default(100).describe('Items of a page')
const when = z.iso.datetime({ precision: null }).describe('RFC 3339, UTC')
const filter = {
  state: z.enum(['waiting', 'admitted']).optional(),
  reason: z.enum(reasons).optional(),
  key_id: z.string().min(1).max(128).optional(),
  producer: z.string().min(1).max(128).optional().describe('Id of a host, or name of a service'),
  since: when.optional().describe('Quarantined at or after it'),
  until: when.optional().describe('Quarantined before it'),
}
type Given = { [K in keyof typeof filter]?: string | undefined }
const filterOf = ({ state, reason, key_id, producer, since, until }: Given): QuarantineFilter => ({
  state: state as QuarantineFilter['state'],
  reason,
  keyId: key_id,
  producer,
  since,
  until,
})

const request = z.string().regex(/^rel_[0-9a-f]{20}$/)
const release = z.object({
  request: request.describe('Whoever approves names it'),
  cause: z.string(),
  requested_at: time,
  requested_by: z.string(),
  expires_at: time,
  approved_at: time.nullable(),
  approved_by: z.string().nullable(),
})
const releaseJson = (row: Release) => ({
  request: row.request,
  cause: row.cause,
  requested_at: row.requestedAt,
  requested_by: row.requestedBy,
  expires_at: row.expiresAt,
  approved_at: row.approvedAt,
  approved_by: row.approvedBy,
})

const item = z.object({
  leaf_index: leaf,
  item: z.string().describe('SHA-256 of the bytes'),
  state: z.enum(['waiting', 'admitted']),
  reason: z.string(),
  detail: z.string(),
  producer: z.string(),
  key_id: z.string().nullable(),
  chain: z.string(),
  first_seq: z.number().int(),
  next_seq: z.number().int(),
  quarantined_at: time,
  received_at: time.nullable(),
  peer: z.string().nullable(),
  registry_version: z.number().int().nullable(),
  admitted_at: time.nullable(),
  admitted_leaf_index: z.number().int().nullable(),
})
type Row = Awaited<ReturnType<Replays['list']>>['items'][number]
const itemJson = (row: Row) => ({
  leaf_index: row.stub_leaf_index as number,
  item: row.item,
  state: row.state,
  reason: row.reason,
  detail: row.detail,
  producer: row.host_id,
  key_id: row.signing_key_id,
  chain: row.chain,
  first_seq: row.first_seq,
  next_seq: row.next_seq,
  quarantined_at: row.quarantined_at,
  received_at: row.received_at,
  peer: row.peer,
  registry_version: row.registry_version,
  admitted_at: row.admitted_at,
  admitted_leaf_index: row.admitted_leaf_index,
})

const outcome = z.object({
  leaf_index: leaf,
  outcome: z.enum(['admitted', 'already', 'waiting', 'release', 'taken', 'altered']),
  lines: z.number().int().describe('Lines of a host, or rows of a service'),
  reason: z.string().nullable(),
  detail: z.string(),
  admitted_leaf_index: z.number().int().nullable(),
})
type Outcome = Awaited<ReturnType<Replays['approve']>>
const outcomeJson = ({ leaf: leaf_index, admittedLeaf, ...rest }: Outcome) => ({
  leaf_index,
  ...rest,
  admitted_leaf_index: admittedLeaf,
})
const unreadable = ['QUARANTINE_UNKNOWN', 'QUARANTINE_GONE', 'QUARANTINE_ALTERED', 'AUDIT_NOT_RECORDED']
const nextOf = (next: number | undefined) => (next === undefined ? null : String(next))

export const quarantineRoutes = ({ replays }: { readonly replays: Replays }): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/quarantine',
    id: 'listQuarantine',
    summary: 'What was not admitted, in the order of its stubs',
    tag,
    action: 'quarantine:read',
    query: z.object({ ...filter, limit: limit(pageMax), cursor }),
    answer: pageOf(item),
    handle: async (by, { query }) => {
      const { items, next } = await replays.list(by, filterOf(query), query.cursor ?? -1, query.limit)
      return { items: items.map(itemJson), next: nextOf(next) }
    },
  }),
  route({
    method: 'GET',
    path: '/api/v1/quarantine/counts',
    id: 'countQuarantine',
    summary: 'How much of it there is, by reason',
    tag,
    action: 'quarantine:read',
    answer: z.object({
      items: z.array(
        z.object({ reason: z.string(), state: z.string(), items: z.number().int(), rows: z.number().int() }),
      ),
    }),
    handle: async (by) => ({ items: [...(await replays.counts(by))] }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/quarantine/items/{leaf_index}',
    id: 'showQuarantined',
    summary: 'One item, without its bytes',
    tag,
    action: 'quarantine:read',
    params,
    answer: z.object({ item, release: release.nullable() }),
    errors: ['QUARANTINE_UNKNOWN'],
    handle: async (by, { params: { leaf_index } }) => {
      const shown = await replays.show(by, leaf_index)
      return { item: itemJson(shown.row), release: shown.release === undefined ? null : releaseJson(shown.release) }
    },
  }),
  route({
    method: 'POST',
    path: '/api/v1/quarantine/items/{leaf_index}/bytes',
    id: 'readQuarantined',
    summary: 'The exact bytes of an item; that they were read stands in the ledger',
    tag,
    action: 'quarantine:read',
    params,
    answer: z.object({
      bytes: z.string().describe('Base64'),
      encoding: z.string().nullable(),
      peer: z
        .object({ address: z.string(), certificate: z.string().nullable(), token: z.string().nullable() })
        .nullable(),
      ledger: recorded,
    }),
    showsSecret: true,
    errors: unreadable,
    handle: async (by, { params: { leaf_index } }) => {
      const read = await replays.bytes(by, leaf_index)
      const { bytes, beside } = read.item
      return {
        bytes: Buffer.from(bytes).toString('base64'),
        encoding: beside?.encoding ?? null,
        peer: beside === undefined ? null : { ...beside.peer },
        ledger: recordedJson(read.recorded),
      }
    },
  }),
  route({
    method: 'POST',
    path: '/api/v1/quarantine/replay',
    id: 'replayQuarantine',
    summary: 'Judge what waits again, as of its receipt, and admit what holds: a page of items, dry unless told',
    tag,
    action: 'quarantine:replay',
    body: z.strictObject({ ...filter, limit: limit(100), cursor, dry_run: z.boolean().default(true) }),
    answer: pageOf(outcome),
    errors: ['KEYS_UNAVAILABLE'],
    handle: async (by, { body }) => {
      const page = { after: body.cursor ?? -1, max: body.limit, dryRun: body.dry_run }
      const { items, next } = await replays.replay(by, filterOf(body), page)
      return { items: items.map(outcomeJson), next: nextOf(next) }
    },
  }),
  route({
    method: 'POST',
    path: '/api/v1/quarantine/items/{leaf_index}/release',
    id: 'askForRelease',
    summary: 'Ask for an item to be admitted though its signature does not hold; somebody else has to approve it',
    tag,
    action: 'quarantine:release',
    params,
    body: z.strictObject({ cause: z.string().min(1).max(512) }),
    answer: z.object({ release, ledger: recorded }),
    errors: [
      ...unreadable,
      'RELEASE_BY_PERSON',
      'RELEASE_PENDING',
      'RELEASE_DONE',
      'RELEASE_NOT_NEEDED',
      'RELEASE_IMPOSSIBLE',
    ],
    handle: async (by, { params: { leaf_index }, body: { cause } }) => {
      const asked = await replays.ask(by, leaf_index, cause)
      return { release: releaseJson(asked.release), ledger: recordedJson(asked.recorded) }
    },
  }),
  route({
    method: 'POST',
    path: '/api/v1/quarantine/items/{leaf_index}/release/approve',
    id: 'approveRelease',
    summary: 'Approve what somebody else asked for; the item is admitted, and marked',
    tag,
    action: 'quarantine:release',
    params,
    body: z.strictObject({ request: request.describe('That was seen, and is approved') }),
    answer: outcome,
    errors: [...unreadable, 'RELEASE_BY_PERSON', 'RELEASE_NOT_ASKED', 'RELEASE_NOT_NEEDED', 'RELEASE_IMPOSSIBLE'],
    handle: async (by, { params: { leaf_index }, body }) =>
      outcomeJson(await replays.approve(by, leaf_index, body.request)),
  }),
]
