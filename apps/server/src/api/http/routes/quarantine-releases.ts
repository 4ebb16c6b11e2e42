// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import type { Replays } from '../../../ingest/index.ts'
import { type Route, route } from '../route.ts'
import { pageMax, pageOf, recorded, recordedJson } from '../shapes.ts'
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
  request,
  tag,
  unreadable,
} from './quarantine-shapes.ts'

const cause = z.string().min(1).max(512)
const asked = z.object({ leaf_index: leaf, release })

export const quarantineReleaseRoutes = ({ replays }: { readonly replays: Replays }): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/quarantine/releases',
    id: 'listReleases',
    summary: 'Releases that were asked for, and wait for somebody else',
    tag,
    action: 'quarantine:read',
    query: z.object({ limit: limit(pageMax), cursor }),
    answer: pageOf(asked),
    handle: async (by, { query }) => {
      const { items, next } = await replays.asked(by, query.cursor ?? -1, query.limit)
      return {
        items: items.map((one) => ({ leaf_index: one.leaf, release: releaseJson(one.release) })),
        next: nextOf(next),
      }
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
    body: z.strictObject({ cause: cause }),
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
  route({
    method: 'POST',
    path: '/api/v1/quarantine/items/{leaf_index}/release/reject',
    id: 'rejectRelease',
    summary: 'Turn down what was asked for: the item stays, and a release of it can be asked for anew',
    tag,
    action: 'quarantine:release',
    params,
    body: z.strictObject({ request: request.describe('That was seen, and is turned down'), cause }),
    answer: z.object({ release, ledger: recorded }),
    errors: ['QUARANTINE_UNKNOWN', 'AUDIT_NOT_RECORDED', 'RELEASE_BY_PERSON', 'RELEASE_NOT_ASKED', 'RELEASE_DONE'],
    handle: async (by, { params: { leaf_index }, body }) => {
      const rejected = await replays.reject(by, leaf_index, body.request, body.cause)
      return { release: releaseJson(rejected.release), ledger: recordedJson(rejected.recorded) }
    },
  }),
]
