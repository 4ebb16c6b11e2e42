// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import type { ProducerRow, SigningKey, Trust } from '../../../trust/index.ts'
import { type Route, route } from '../route.ts'
import { anyTime, recorded, recordedJson, serviceName, time } from '../shapes.ts'

const producer = z.object({
  producer: z.string(),
  created_at: time,
  created_by: z.string(),
  halted_at: time.nullable().describe('Since when nothing of it is taken'),
  halted_by: z.string().nullable(),
  keys: z.number().int().describe('With those that ended'),
})

export const signingKey = z.object({
  key_id: z.string(),
  producer: z.string().describe('The name of a service, or the id of a host'),
  producer_kind: z.enum(['host', 'service']),
  algorithm: z.enum(['ed25519', 'rsa-sha256']),
  public_key: z.string().describe('Hex: raw for ed25519, SubjectPublicKeyInfo (DER) for rsa-sha256'),
  valid_from: time,
  valid_until: time.nullable().describe('The first moment at which it is not valid any more'),
  revoked_at: time.nullable(),
  compromised_since: time.nullable().describe('From then on somebody else may have signed under it'),
  state: z.enum(['candidate', 'staged', 'active']),
  source: z.enum(['enrolment', 'api', 'file']).describe('Where it is changed'),
})

export const keyId = z.string().min(1).max(128)
export const keyParams = z.object({ key_id: keyId })
export const params = z.object({ producer: serviceName })
const host = z.object({ host_id: z.string().regex(/^[0-9a-f]{32}$/) })
const cause = z.string().min(1).max(400).describe('For the ledger; name nobody')
export const answer = z.object({ ledger: recorded })

const producerJson = (row: ProducerRow) => ({
  producer: row.producer,
  created_at: row.createdAt,
  created_by: row.createdBy,
  halted_at: row.haltedAt,
  halted_by: row.haltedBy,
  keys: row.keys,
})

export const keyJson = (key: SigningKey) => ({
  key_id: key.keyId,
  producer: key.producer,
  producer_kind: key.kind,
  algorithm: key.algorithm,
  public_key: key.publicKey,
  valid_from: key.validFrom,
  valid_until: key.validUntil,
  revoked_at: key.revokedAt,
  compromised_since: key.compromisedSince,
  state: key.state,
  source: key.source,
})

export const producerRoutes = ({ producers, signingKeys }: Trust): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/producers',
    id: 'listProducers',
    summary: 'The services of the tenant that send rows',
    tag: 'producers',
    action: 'producer:read',
    answer: z.object({ items: z.array(producer) }),
    handle: async (by) => ({ items: (await producers.list(by)).map(producerJson) }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/producers',
    id: 'addProducer',
    summary: 'Let a service send rows, as far as keys are added for it',
    tag: 'producers',
    action: 'producer:manage',
    body: z.strictObject({ producer: serviceName }),
    answer,
    status: 201,
    errors: ['PRODUCER_INVALID', 'PRODUCER_EXISTS', 'TRUST_TOO_MANY', 'AUDIT_NOT_RECORDED'],
    handle: async (by, { body }) => ({ ledger: recordedJson(await producers.add(by, body.producer)) }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/producers/{producer}',
    id: 'getProducer',
    summary: 'A service, and its keys',
    tag: 'producers',
    action: 'producer:read',
    params,
    answer: producer.extend({ signing_keys: z.array(signingKey) }),
    errors: ['PRODUCER_UNKNOWN'],
    handle: async (by, { params: { producer: name } }) => ({
      ...producerJson(await producers.get(by, name)),
      signing_keys: (await signingKeys.list(by, name)).map(keyJson),
    }),
  }),
  ...(['producers/{producer}', 'hosts/{host_id}'] as const).flatMap((path) => {
    const isHost = path.startsWith('hosts')
    const [kind, shape] = isHost ? (['host', host] as const) : (['service', params] as const)
    const whom = (given: object) => ({ kind, producer: Object.values(given)[0] as string })
    return [
      route({
        method: 'POST',
        path: `/api/v1/${path}/halt`,
        id: isHost ? 'haltHost' : 'haltProducer',
        summary: `Take nothing of a ${kind} until it is resumed; it counts at once, and what it has stays there`,
        tag: 'producers',
        action: 'producer:halt',
        params: shape as z.ZodType<object>,
        body: z.strictObject({ cause }),
        answer,
        errors: ['PRODUCER_UNKNOWN'],
        handle: async (by, input) => ({
          ledger: recordedJson(await producers.halt(by, whom(input.params), input.body.cause)),
        }),
      }),
      route({
        method: 'POST',
        path: `/api/v1/${path}/resume`,
        id: isHost ? 'resumeHost' : 'resumeProducer',
        summary: `Take again what a ${kind} sends`,
        tag: 'producers',
        action: 'producer:halt',
        params: shape as z.ZodType<object>,
        answer,
        errors: ['PRODUCER_UNKNOWN'],
        handle: async (by, input) => ({ ledger: recordedJson(await producers.resume(by, whom(input.params))) }),
      }),
    ]
  }),
  route({
    method: 'POST',
    path: '/api/v1/producers/{producer}/signing-keys',
    id: 'addSigningKey',
    summary: 'Add a key that the service signs with; windows may overlap',
    tag: 'producers',
    action: 'producer:manage',
    params,
    body: z.strictObject({
      key_id: keyId,
      algorithm: z.string().max(64).describe('ed25519 or rsa-sha256'),
      public_key: z.string().max(8192).describe('PEM, or base64 of its DER, or of ed25519 of the 32 bytes alone'),
      valid_from: anyTime.optional().describe('RFC 3339; left out: now'),
      valid_until: anyTime.nullable().optional().describe('RFC 3339; left out: for ever'),
      state: z
        .enum(['candidate', 'active'])
        .optional()
        .describe('A candidate counts for nothing yet; left out: active'),
    }),
    answer,
    status: 201,
    errors: [
      'PRODUCER_UNKNOWN',
      'SIGNING_KEY_INVALID',
      'SIGNING_KEY_SHARED',
      'SIGNING_KEY_TAKEN',
      'SIGNING_KEY_PROMOTION',
      'TRUST_TOO_MANY',
      'AUDIT_NOT_RECORDED',
    ],
    handle: async (by, { params: { producer: name }, body }) => {
      const { key_id, algorithm, public_key, valid_from, valid_until } = body
      const window = { validFrom: valid_from, validUntil: valid_until }
      const given = { keyId: key_id, algorithm, publicKey: public_key, ...window }
      return { ledger: recordedJson(await signingKeys.add(by, name, given, body.state)) }
    },
  }),
  route({
    method: 'GET',
    path: '/api/v1/signing-keys',
    id: 'listSigningKeys',
    summary: 'The keys that the rows of the tenant are signed with, of hosts too',
    tag: 'producers',
    action: 'producer:read',
    query: z.strictObject({ producer: z.string().max(64).optional() }),
    answer: z.object({ items: z.array(signingKey) }),
    handle: async (by, { query }) => ({ items: (await signingKeys.list(by, query.producer)).map(keyJson) }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/signing-keys/{key_id}',
    id: 'getSigningKey',
    summary: 'A key',
    tag: 'producers',
    action: 'producer:read',
    params: keyParams,
    answer: signingKey,
    errors: ['SIGNING_KEY_UNKNOWN'],
    handle: async (by, { params: { key_id } }) => keyJson(await signingKeys.get(by, key_id)),
  }),
  route({
    method: 'POST',
    path: '/api/v1/signing-keys/{key_id}/revoke',
    id: 'revokeSigningKey',
    summary: 'Revoke a key for good; it counts at once',
    tag: 'producers',
    action: 'producer:manage',
    params: keyParams,
    body: z.strictObject({
      cause,
      compromised_since: anyTime.optional().describe('RFC 3339: what came from then on counts no more either'),
    }),
    answer,
    errors: [
      'SIGNING_KEY_UNKNOWN',
      'SIGNING_KEY_ELSEWHERE',
      'SIGNING_KEY_REVOKED',
      'SIGNING_KEY_INVALID',
      'SIGNING_KEY_SINCE',
    ],
    handle: async (by, { params: { key_id }, body }) => {
      const why = { cause: body.cause, compromisedSince: body.compromised_since }
      return { ledger: recordedJson(await signingKeys.revoke(by, key_id, why)) }
    },
  }),
  route({
    method: 'PATCH',
    path: '/api/v1/signing-keys/{key_id}',
    id: 'setSigningKeyWindow',
    summary: 'Change when a key is valid; what is left out stays',
    tag: 'producers',
    action: 'producer:manage',
    params: keyParams,
    body: z.strictObject({ valid_from: anyTime.optional(), valid_until: anyTime.nullable().optional() }),
    answer,
    errors: ['SIGNING_KEY_UNKNOWN', 'SIGNING_KEY_ELSEWHERE', 'SIGNING_KEY_REVOKED', 'SIGNING_KEY_INVALID'],
    handle: async (by, { params: { key_id }, body }) => {
      const window = { validFrom: body.valid_from, validUntil: body.valid_until }
      return { ledger: recordedJson(await signingKeys.setWindow(by, key_id, window)) }
    },
  }),
]
