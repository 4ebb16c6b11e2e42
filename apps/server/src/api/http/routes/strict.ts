// SPDX-License-Identifier: Apache-2.0

import { strictOffPhrase, strictOffSeconds } from '@sealwatch/contract'
import { z } from 'zod'
import { countUnverified } from '../../../ingest/index.ts'
import type { Strictness, StrictState } from '../../../trust/index.ts'
import type { ApiPorts } from '../../ports.ts'
import { type Route, route } from '../route.ts'
import { recorded, recordedJson, time } from '../shapes.ts'

const tag = 'strict-signatures'
const off = z.object({
  since: time,
  by: z.string().describe('Who switched it off: kind and id'),
  ends_at: time.describe('It ends by itself'),
  manifest: z.string().nullable().describe('That agrees to more than 24 hours'),
  rows_admitted: z.number().int().describe('Admitted since then though they failed verification, and marked'),
})
const answer = z.object({ strict: z.boolean(), off: off.nullable() })

export const strictRoutes = (strictness: Strictness, { indexDb }: Pick<ApiPorts, 'indexDb'>): Route[] => {
  async function stateJson(tenant: string, state: StrictState) {
    if (state.strict) return { strict: true, off: null }
    const { since, by, endsAt: ends_at, manifest, fromLeaf } = state
    const rows_admitted = await countUnverified(indexDb, tenant, fromLeaf)
    return { strict: false, off: { since, by, ends_at, manifest, rows_admitted } }
  }
  const now = (tenant: string) => stateJson(tenant, strictness.of(tenant))
  return [
    route({
      method: 'GET',
      path: '/api/v1/strict-signatures',
      id: 'getStrictSignatures',
      summary: 'Whether rows that fail verification stay out of the ledger',
      tag,
      action: 'strict:read',
      answer,
      handle: ({ tenant }) => now(tenant),
    }),
    route({
      method: 'POST',
      path: '/api/v1/strict-signatures/off',
      id: 'switchStrictOff',
      summary:
        'Admit rows that fail verification, marked, for a time; for more than 24 hours of any 7 days with a manifest',
      tag,
      action: 'strict:switch',
      body: z.strictObject({
        seconds: z
          .number()
          .int()
          .min(strictOffSeconds.min)
          .max(strictOffSeconds.max)
          .default(strictOffSeconds.usual)
          .describe('It ends by itself after so long'),
        acknowledgement: z.string().max(200).describe(`Word for word: ${strictOffPhrase}`),
      }),
      answer: answer.extend({ ledger: recorded }),
      errors: [
        'STRICT_ACKNOWLEDGEMENT',
        'STRICT_OFF_SPENT',
        'AUDIT_NOT_RECORDED',
        'MANIFEST_NO_ROOT',
        'TRUST_ROOT_EXPIRED',
        'MANIFEST_REQUIRED',
        'MANIFEST_UNVERIFIED',
        'MANIFEST_EXPIRED',
        'MANIFEST_REPLAYED',
      ],
      handle: async (by, { body }) => {
        const ledger = recordedJson(await strictness.switchOff(by, body))
        return { ...(await now(by.tenant)), ledger }
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/strict-signatures/on',
      id: 'switchStrictOn',
      summary: 'Keep rows that fail verification out again; it counts at once',
      tag,
      action: 'strict:switch',
      answer: answer.extend({ ledger: recorded }),
      handle: async (by) => {
        const ledger = recordedJson(await strictness.switchOn(by))
        return { ...(await now(by.tenant)), ledger }
      },
    }),
  ]
}
