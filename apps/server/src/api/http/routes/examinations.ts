// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import type { KeyExaminations } from '../../../trust/index.ts'
import { type Route, route } from '../route.ts'
import { time } from '../shapes.ts'
import { keyParams } from './producers.ts'

const tag = 'producers'
const count = z.number().int().min(0)
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const envelope = z
  .object({
    payloadType: z.string(),
    payload: z.string(),
    signatures: z.array(z.object({ keyid: z.string(), sig: z.string() })),
  })
  .describe('DSSE over a statement that names the digest of the report (key-report.md, 3)')
const state = z.object({
  state: z.enum(['none', 'running', 'done', 'failed']).describe('none: not since the server started'),
  leaf: count.describe('Leaves of the ledger that were looked at'),
  size: count.describe('Of so many'),
  detail: z.string().nullable().describe('Why it failed'),
})
const none = { state: 'none', leaf: 0, size: 0, detail: null } as const

/** What a key ever signed, verified once more (docs/formats/key-report.md). */
export const examinationRoutes = (examinations: KeyExaminations): Route[] => [
  route({
    method: 'POST',
    path: '/api/v1/signing-keys/{key_id}/examination',
    id: 'examineSigningKey',
    summary: 'Begin to verify everything again that a key ever signed; it goes on by itself',
    tag,
    action: 'producer:manage',
    params: keyParams,
    answer: state,
    errors: ['SIGNING_KEY_UNKNOWN', 'KEY_EXAMINATION_UNDER_WAY'],
    handle: (by, { params: { key_id } }) => examinations.begin(by, key_id),
  }),
  route({
    method: 'GET',
    path: '/api/v1/signing-keys/{key_id}/examination',
    id: 'getKeyExamination',
    summary: 'How far that has come',
    tag,
    action: 'producer:read',
    params: keyParams,
    answer: state,
    handle: async (by, { params: { key_id } }) => examinations.state(by, key_id) ?? none,
  }),
  route({
    method: 'GET',
    path: '/api/v1/signing-keys/{key_id}/report',
    id: 'getKeyReport',
    summary: 'The newest report of what a key ever signed: which leaves can be relied on, and which cannot',
    tag,
    action: 'producer:read',
    params: keyParams,
    answer: z.object({
      id: hash.describe('SHA-256 of `text`'),
      key_id: z.string(),
      made_at: time,
      text: z.string().describe('The report: canonical JSON of key-report.md, 1 or 5'),
      envelope,
    }),
    errors: ['KEY_REPORT_UNKNOWN'],
    handle: async (by, { params: { key_id } }) => {
      const { id, keyId, madeAt, text, envelope } = await examinations.report(by, key_id)
      return {
        id,
        key_id: keyId,
        made_at: madeAt,
        text,
        envelope: { ...envelope, signatures: [...envelope.signatures] },
      }
    },
  }),
]
