// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { provenSizes, rootCheckpointOf } from '../../data/proof.ts'
import type { ApiPorts } from '../../ports.ts'
import { rootCheckpoint } from '../entry-shapes.ts'
import { httpError } from '../problems.ts'
import { type Route, route } from '../route.ts'

const count = z.number().int().min(0)
const hash = z.string()

export const ledgerRoutes = ({ ledgers, facts }: ApiPorts): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/ledger',
    id: 'getLedger',
    summary: 'How far the ledger goes, and how far it is proven',
    tag: 'ledger',
    action: 'ledger:read',
    answer: z.object({
      tenant: z.string(),
      origin: z.string().describe('Of its checkpoints'),
      deployment: z.string(),
      vkey: z.string().describe('Verifier key of the log key: what to pin (C2SP signed-note)'),
      size: count.describe('Lines on stable storage'),
      signed: z.object({ size: count, root: hash, note: z.string() }).nullable().describe('The newest checkpoint'),
      published: z
        .object({ size: count, root: hash, root_checkpoint: rootCheckpoint })
        .nullable()
        .describe('Under the published checkpoint of the root ledger'),
      problem: z.string().nullable().describe('What keeps signer or witnesses from doing their part'),
      integrity: z
        .object({
          checked: count,
          size: count,
          problem: z.object({ leaf: count, text: z.string() }).nullable(),
        })
        .nullable()
        .describe('What the walk over all lines that were there at the start has found so far'),
    }),
    handle: async ({ tenant }) => {
      const { origin, signed } = ledgers.get(tenant)
      const vouched = ledgers.vouched(tenant)
      const { deployment, integrity, signing } = facts()
      const walk = integrity.find((found) => found.tenant === tenant)
      return {
        tenant,
        origin,
        deployment,
        vkey: ledgers.vkey,
        size: provenSizes(ledgers, tenant).size,
        signed: signed === undefined ? null : { size: signed.size, root: signed.root.toHex(), note: signed.note },
        published:
          vouched === undefined
            ? null
            : {
                size: vouched.head.size,
                root: vouched.head.root,
                root_checkpoint: rootCheckpointOf(ledgers, vouched.published),
              },
        problem: signing.problem,
        integrity:
          walk === undefined ? null : { checked: walk.checked, size: walk.size, problem: walk.problem ?? null },
      }
    },
  }),
  route({
    method: 'GET',
    path: '/api/v1/ledger/checkpoint',
    id: 'getCheckpoint',
    summary: 'The newest signed checkpoint of the ledger, as it is (C2SP tlog-checkpoint)',
    tag: 'ledger',
    action: 'ledger:read',
    media: 'text/plain; charset=utf-8',
    errors: ['OBJECT_UNKNOWN'],
    handle: async ({ tenant }) => {
      const { signed } = ledgers.get(tenant)
      if (signed !== undefined) return signed.note
      throw httpError('OBJECT_UNKNOWN', { attempted: 'reading the checkpoint', received: 'a ledger not signed yet' })
    },
  }),
]
