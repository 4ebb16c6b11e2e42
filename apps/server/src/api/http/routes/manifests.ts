// SPDX-License-Identifier: Apache-2.0

import { type DsseEnvelope, manifestActions, parseDsse, type TrustedRoot } from '@sealwatch/keys'
import { z } from 'zod'
import type { Recorded } from '../../../identity/index.ts'
import type { Manifests, ManifestView, TrustRoots } from '../../../trust/index.ts'
import { type Route, route } from '../route.ts'
import { recorded, recordedJson, time } from '../shapes.ts'

export type ManifestPorts = { readonly trustRoots: TrustRoots; readonly manifests: Manifests }

const tag = 'manifests'
const count = z.number().int().min(0)
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const envelope = z
  .strictObject({
    payload: z.string().max(8192),
    payloadType: z.string().max(256),
    signatures: z.array(z.strictObject({ keyid: z.string().max(256), sig: z.string().max(8192) })).max(16),
  })
  .describe('DSSE 1.0')
const body = z.strictObject({ envelope })
/** Sixteen signatures of the longest kind, and a payload. */
const bodyMax = { bytes: 64 * 1024, values: 256 }

const root = z.object({
  version: count,
  digest: hash.describe('SHA-256 of what was signed: whoever keeps the keys compares it'),
  applied_at: time,
  applied_by: z.string(),
  envelope,
})
const installed = z.object({ version: count, digest: hash, expires: time, ledger: recorded })
const manifest = z.object({
  id: hash.describe('SHA-256 of what is signed'),
  action: z.enum(manifestActions),
  subject: z.string(),
  digest: hash,
  created: time,
  expires: time,
  state: z.enum(['collecting', 'complete', 'applied', 'expired']),
  opened_at: time,
  opened_by: z.string(),
  applied_at: time.nullable(),
  applied_by: z.string().nullable(),
  proof: z
    .object({
      digestHex: hash,
      signatures: z.array(z.object({ keyid: hash, owner: z.string(), sig: z.string() })),
      threshold: count,
    })
    .nullable()
    .describe('Null: no trust root counts now'),
  envelope: envelope.describe('DSSE 1.0, with the signatures that count'),
})
const rootErrors = [
  'DSSE_MALFORMED',
  'TRUST_ROOT_MALFORMED',
  'TRUST_ROOT_VERSION',
  'TRUST_ROOT_UNVERIFIED',
  'TRUST_ROOT_EXPIRED',
]

/** Trust root and manifests (docs/manifests.md): of the deployment, so they are asked for in the tenant `cluster`. */
export const manifestRoutes = ({ trustRoots, manifests }: ManifestPorts): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/trust-roots',
    id: 'listTrustRoots',
    summary: 'Whose signatures critical changes need: every version of the trust root, the first one first',
    tag,
    action: 'manifest:read',
    answer: z.object({ deployment: z.string(), items: z.array(root) }),
    handle: async (by) => ({ deployment: manifests.deployment, items: await trustRoots.list(by) }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/trust-roots/install',
    id: 'installTrustRoot',
    summary: 'Begin with a trust root: by root on the machine of the control plane alone, once',
    tag,
    action: 'trust-root:install',
    body,
    bodyMax,
    answer: installed,
    errors: [...rootErrors, 'TRUST_ROOT_INSTALLED'],
    handle: async (by, { body }) => installedJson(await trustRoots.install(by, read(body.envelope))),
  }),
  route({
    method: 'POST',
    path: '/api/v1/trust-roots',
    id: 'followTrustRoot',
    summary: 'Follow the trust root to its next version, which the thresholds of both have signed',
    tag,
    action: 'manifest:apply',
    body,
    bodyMax,
    answer: installed,
    errors: [...rootErrors, 'MANIFEST_NO_ROOT'],
    handle: async (by, { body }) => installedJson(await trustRoots.follow(by, read(body.envelope))),
  }),
  route({
    method: 'GET',
    path: '/api/v1/manifests',
    id: 'listManifests',
    summary: 'Critical changes that collect signatures, or were made, newest first',
    tag,
    action: 'manifest:read',
    answer: z.object({ items: z.array(manifest) }),
    handle: async (by) => ({ items: (await manifests.list(by)).map(viewJson) }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/manifests/{id}',
    id: 'getManifest',
    summary: 'A manifest with its combined proof',
    tag,
    action: 'manifest:read',
    params: z.object({ id: hash }),
    answer: manifest,
    errors: ['MANIFEST_UNKNOWN'],
    handle: async (by, { params }) => viewJson(await manifests.get(by, params.id)),
  }),
  route({
    method: 'POST',
    path: '/api/v1/manifests/signatures',
    id: 'addManifestSignatures',
    summary: 'Hand in signatures of a manifest, which is opened by the first; each that is new is a line of the ledger',
    tag,
    action: 'manifest:sign',
    body,
    bodyMax,
    answer: z.object({ manifest, added: z.array(z.object({ keyid: hash, ledger: recorded })) }),
    errors: [
      'DSSE_MALFORMED',
      'MANIFEST_MALFORMED',
      'MANIFEST_ELSEWHERE',
      'MANIFEST_EXPIRED',
      'MANIFEST_NO_ROOT',
      'MANIFEST_REPLAYED',
      'MANIFEST_SIGNATURE',
      'MANIFEST_TOO_MANY',
      'TRUST_ROOT_EXPIRED',
    ],
    handle: async (by, { body }) => {
      const { view, lines } = await manifests.add(by, read(body.envelope))
      return {
        manifest: viewJson(view),
        added: lines.map((line) => ({ keyid: line.keyid, ledger: recordedJson(line) })),
      }
    },
  }),
  route({
    method: 'POST',
    path: '/api/v1/manifests/{id}/apply',
    id: 'applyManifest',
    summary: 'Use up the manifest of an upgrade or a rollback, which is then made by hand; once',
    tag,
    action: 'manifest:apply',
    params: z.object({ id: hash }),
    body: z.strictObject({ digest: hash.describe('SHA-256 of the release file, as whoever makes the change has it') }),
    answer: z.object({ manifest, ledger: recorded }),
    errors: [
      'MANIFEST_ELSEWHERE',
      'MANIFEST_EXPIRED',
      'MANIFEST_NO_ROOT',
      'MANIFEST_REPLAYED',
      'MANIFEST_TAKEN_BY_CHANGE',
      'MANIFEST_UNKNOWN',
      'MANIFEST_UNVERIFIED',
      'TRUST_ROOT_EXPIRED',
    ],
    handle: async (by, { params, body }) => {
      const { view, ...line } = await manifests.apply(by, params.id, body.digest)
      return { manifest: viewJson(view), ledger: recordedJson(line) }
    },
  }),
]

const read = (given: z.output<typeof envelope>): DsseEnvelope => parseDsse(given, 'reading an envelope')

const installedJson = ({ root: { root, digestHex }, ...line }: Recorded & { readonly root: TrustedRoot }) => ({
  version: root.version,
  digest: digestHex,
  expires: root.expires,
  ledger: recordedJson(line),
})

const viewJson = ({ id, manifest, state, proof, envelope, ...more }: ManifestView) => ({
  id,
  action: manifest.action,
  subject: manifest.subject,
  digest: manifest.digest,
  created: manifest.created,
  expires: manifest.expires,
  state,
  opened_at: more.openedAt,
  opened_by: more.openedBy,
  applied_at: more.appliedAt,
  applied_by: more.appliedBy,
  proof: proof ?? null,
  envelope,
})
