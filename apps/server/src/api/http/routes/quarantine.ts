// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { endings, type Groups, type QuarantineFilter, type Replays } from '../../../ingest/index.ts'
import { perReason, reasons } from '../../../trust/index.ts'
import { type Route, route } from '../route.ts'
import { pageMax, pageOf, recorded, recordedJson, time } from '../shapes.ts'
import {
  cursor,
  leaf,
  limit,
  nextOf,
  outcome,
  outcomeJson,
  params,
  release,
  releaseJson,
  tag,
  unreadable,
} from './quarantine-shapes.ts'

const states = ['waiting', ...endings] as const
const when = z.iso.datetime({ precision: null }).describe('RFC 3339, UTC')
const filter = {
  state: z.enum(states).optional(),
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

const item = z.object({
  leaf_index: leaf,
  item: z.string().describe('SHA-256 of the bytes'),
  state: z.enum(states).describe('`duplicate`: its rows came in by another way'),
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
  admitted_leaf_index: z.number().int().nullable().describe('Of its replay; of a duplicate, of its rows'),
  admitted_how: z
    .enum(['verified', 'released', 'non_strict'])
    .nullable()
    .describe('As its replay says; null: it waits, is a duplicate, or came in before this was noted'),
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
  admitted_how: row.admitted_how,
})

const rows = z.object(perReason(() => z.number().int())).describe('Lines of hosts and rows of services')
const groups = z.object({
  groups: z
    .array(z.object({ name: z.string().nullable(), items: z.number().int(), rows }))
    .describe('The largest first'),
  others: z.object({ names: z.number().int(), items: z.number().int(), rows }),
})
const groupsJson = ({ groups: of, others }: Groups) => ({
  groups: of.map((group) => ({ ...group })),
  others: { ...others },
})
const { state: _, ...waitingFilter } = filter

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
    path: '/api/v1/quarantine/waiting',
    id: 'getQuarantineWaiting',
    summary: 'How much waits, by reason, and how many releases wait for a second person',
    tag,
    action: 'quarantine:read',
    answer: z.object({ items: z.number().int(), rows, releases: z.number().int() }),
    handle: async (by) => ({ ...(await replays.waiting(by)) }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/quarantine/picture',
    id: 'getQuarantinePicture',
    summary:
      'What waits, added up: by reason over time, by producer and by key; a moment old where there is much of it',
    tag,
    action: 'quarantine:read',
    atOnceMax: 4,
    query: z.object(waitingFilter),
    answer: z.object({
      items: z.number().int(),
      rows,
      bucket_seconds: z.number().int(),
      buckets: z.array(z.object({ at: time, rows })).describe('Those in which something came, in their order'),
      producers: groups,
      keys: groups.describe('Of the name null: no key was named'),
    }),
    handle: async (by, { query }) => {
      const { state: _state, ...asked } = filterOf(query)
      const { items, rows, bucketSeconds, buckets, producers, keys } = await replays.picture(by, asked)
      return {
        items,
        rows,
        bucket_seconds: bucketSeconds,
        buckets: buckets.map((bucket) => ({ ...bucket })),
        producers: groupsJson(producers),
        keys: groupsJson(keys),
      }
    },
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
]
