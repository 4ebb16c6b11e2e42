// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { actBy } from '../../../access/index.ts'
import { tenantError } from '../../../tenants/index.ts'
import { rewrapKeys, rotateKeys } from '../../keys.ts'
import type { ApiPorts } from '../../ports.ts'
import { statusOf } from '../../status.ts'
import { type Route, route } from '../route.ts'
import { recorded, recordedJson, tenantName, time } from '../shapes.ts'

const count = z.number().int().min(0)
const keysProgress = z.object({ epoch: count, rewrapped: count })

const keys = z.object({
  epoch: count.describe('Of the system master key, the newest'),
  epochs: z.array(
    z.object({
      epoch: count,
      kind: z.enum(['local', 'kms']),
      asked: z.string().describe('The KMS key as it was set'),
      key_id: z.string(),
      created_at: time,
      retired_at: time.nullable(),
      tenant_keys: count.describe('That it wraps'),
    }),
  ),
  to_rewrap: count.describe('Keys of tenants under an older epoch'),
  subject_keys: count,
  cached: count.describe('Unwrapped, in memory'),
  memory: z.string().describe('How they are kept there: secret, locked or heap'),
})

const status = z.object({
  time,
  deployment: z.string(),
  health: z.string(),
  api: z.string(),
  hardening: z
    .object({ applied: z.array(z.string()), missing: z.array(z.object({ measure: z.string(), reason: z.string() })) })
    .describe('What protects the process of the server, and what of that is missing'),
  trust: z.object({ deployment: z.string(), ledger_keys: z.array(z.string()), ca_fingerprint: z.string() }),
  ca: z
    .object({
      subject: z.string(),
      ends_at: time,
      state: z.enum(['good', 'ending', 'ended']),
      problem: z.string().nullable().describe('Why what lies in the file of the operator is not the CA'),
    })
    .describe('The CA that certifies hosts, services and the server'),
  ledgers: z.array(
    z.object({
      tenant: z.string(),
      size: count,
      signed_size: count,
      root: z.string(),
      checkpoint: z.string().nullable(),
    }),
  ),
  hosts: z.array(z.looseObject({ host_id: z.string(), hostname: z.string(), connected: z.boolean() })),
  chains: z.array(z.object({ chain: z.string(), tenant: z.string(), host_id: z.string(), next_seq: count })),
  ingest: z.record(z.string(), count).describe('Rows, since the server started'),
  quarantine: z
    .array(z.object({ tenant: z.string(), items: count, rows: count }))
    .describe('What waits there now, by tenant'),
  strict_off: z
    .array(z.object({ tenant: z.string(), ends_at: time }))
    .describe('Tenants in which what fails verification is admitted'),
  integrity: z.array(z.looseObject({ tenant: z.string(), checked: count, size: count })),
  signing: z.looseObject({ quorum: z.string(), problem: z.string().nullable() }),
  gaps: count,
  break_glass: z
    .array(z.record(z.string(), z.unknown()))
    .describe('Access in an emergency that nobody has acknowledged'),
})

export const deploymentRoutes = (ports: ApiPorts): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/status',
    id: 'getStatus',
    summary: 'The state of the deployment (docs/reference/status.md)',
    tag: 'deployment',
    action: 'deployment:read',
    answer: status,
    handle: async () => snakeCased(await statusOf(ports)) as z.input<typeof status>,
  }),
  route({
    method: 'GET',
    path: '/api/v1/keys',
    id: 'getKeys',
    summary: 'The keys that values at rest are sealed under',
    tag: 'keys',
    action: 'keys:read',
    answer: keys,
    handle: async () => snakeCased(ports.keys.status()) as z.input<typeof keys>,
  }),
  route({
    method: 'POST',
    path: '/api/v1/keys/rotate',
    id: 'rotateKeys',
    summary: 'Begin a new epoch of the system master key, and wrap the keys of all tenants anew',
    tag: 'keys',
    action: 'keys:rotate',
    answer: keysProgress,
    errors: ['KEYS_UNAVAILABLE'],
    handle: (by, { request }) => lastOf(rotateKeys(ports.keys, by, request.signal)),
  }),
  route({
    method: 'POST',
    path: '/api/v1/keys/rewrap',
    id: 'rewrapKeys',
    summary: 'Wrap anew what older epochs still hold',
    tag: 'keys',
    action: 'keys:rotate',
    answer: keysProgress,
    errors: ['KEYS_UNAVAILABLE'],
    handle: (_by, { request }) => lastOf(rewrapKeys(ports.keys, request.signal)),
  }),
  route({
    method: 'POST',
    path: '/api/v1/keys/evict',
    id: 'evictKeys',
    summary: 'Wipe the keys in memory, of a tenant or all; they are fetched again when needed',
    tag: 'keys',
    action: 'keys:evict',
    body: z.strictObject({ tenant: tenantName.optional().describe('Left out: of all') }),
    answer: z.object({ keys: count.describe('That were wiped'), ledger: recorded }),
    errors: ['TENANT_UNKNOWN', 'AUDIT_NOT_RECORDED'],
    handle: async (by, { body: { tenant } }) => {
      if (tenant !== undefined && !ports.ledgers.has(tenant))
        throw tenantError('TENANT_UNKNOWN', { attempted: 'wiping keys in memory', received: tenant })
      const { keys: wiped, recorded: done } = await ports.keys.evict(actBy(by), tenant)
      return { keys: wiped, ledger: recordedJson(done) }
    },
  }),
]

async function lastOf(steps: AsyncIterable<{ readonly epoch: number; readonly done: number }>) {
  let last = { epoch: 0, rewrapped: 0 }
  for await (const { epoch, done } of steps) last = { epoch, rewrapped: done }
  return last
}

/** What the control socket tells in the words of JavaScript, in those of the API. */
function snakeCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCased)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      snakeCased(inner),
    ]),
  )
}
