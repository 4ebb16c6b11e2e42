// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import type { Trust } from '../../../trust/index.ts'
import { type Route, route } from '../route.ts'
import { recorded, recordedJson, time } from '../shapes.ts'
import { keyJson, keyParams, params, signingKey } from './producers.ts'

const tag = 'producers'
const answer = z.object({ ledger: recorded })
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const keyErrors = ['SIGNING_KEY_UNKNOWN', 'SIGNING_KEY_ELSEWHERE', 'SIGNING_KEY_REVOKED', 'SIGNING_KEY_STATE']

/** How another key of a service comes to count (docs/formats/key-states.md). */
export const rotationRoutes = ({ rotations }: Pick<Trust, 'rotations'>): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/producers/{producer}/rotation',
    id: 'getRotation',
    summary: 'Where each key of a service is on its way to count',
    tag,
    action: 'producer:read',
    params,
    answer: z.object({
      deployment: z.string(),
      items: z.array(
        signingKey.extend({
          tested_at: time.nullable().describe('When its private half was shown to be there'),
          promotion_digest: hash.describe('What a manifest names that promotes it (manifest.md, 3.2)'),
        }),
      ),
    }),
    errors: ['PRODUCER_UNKNOWN'],
    handle: async (by, { params: { producer } }) => ({
      deployment: rotations.deployment,
      items: (await rotations.list(by, producer)).map(({ key, testedAt, promotionDigest }) => ({
        ...keyJson(key),
        tested_at: testedAt,
        promotion_digest: promotionDigest,
      })),
    }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/signing-keys/{key_id}/probe',
    id: 'getKeyProbe',
    summary: 'What a candidate is to sign, to show that its private half is there',
    tag,
    action: 'producer:read',
    params: keyParams,
    answer: z.object({
      type: z.literal('key-probe'),
      deployment: z.string(),
      tenant: z.string(),
      producer: z.string(),
      key_id: z.string(),
      public_key: z.string().describe('SPKI in DER, base64'),
    }),
    errors: ['SIGNING_KEY_UNKNOWN'],
    handle: (by, { params: { key_id } }) => rotations.probe(by, key_id),
  }),
  route({
    method: 'POST',
    path: '/api/v1/signing-keys/{key_id}/test',
    id: 'testSigningKey',
    summary: 'Show that the private half of a candidate is there; it counts for nothing yet',
    tag,
    action: 'producer:manage',
    params: keyParams,
    body: z.strictObject({
      signature: z.base64().min(4).max(2048).describe('Over the probe in canonical JSON, as DSSE 1.0 signs it'),
    }),
    answer,
    errors: [...keyErrors, 'SIGNING_KEY_UNTESTED', 'AUDIT_NOT_RECORDED'],
    handle: async (by, { params: { key_id }, body }) => ({
      ledger: recordedJson(await rotations.test(by, key_id, Buffer.from(body.signature, 'base64'))),
    }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/signing-keys/{key_id}/stage',
    id: 'stageSigningKey',
    summary: 'Say that a tested candidate is to be promoted; it counts for nothing yet',
    tag,
    action: 'producer:manage',
    params: keyParams,
    answer,
    errors: [...keyErrors, 'SIGNING_KEY_UNTESTED', 'AUDIT_NOT_RECORDED'],
    handle: async (by, { params: { key_id } }) => ({ ledger: recordedJson(await rotations.stage(by, key_id)) }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/signing-keys/{key_id}/promote',
    id: 'promoteSigningKey',
    summary: 'Let a staged key count, as enough people have agreed in a manifest',
    tag,
    action: 'producer:manage',
    params: keyParams,
    answer,
    errors: [
      ...keyErrors,
      'MANIFEST_NO_ROOT',
      'TRUST_ROOT_EXPIRED',
      'MANIFEST_REQUIRED',
      'MANIFEST_UNVERIFIED',
      'MANIFEST_EXPIRED',
      'MANIFEST_REPLAYED',
      'AUDIT_NOT_RECORDED',
    ],
    handle: async (by, { params: { key_id } }) => ({ ledger: recordedJson(await rotations.promote(by, key_id)) }),
  }),
]
