// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import {
  type Count,
  checkChange,
  countSigners,
  manifestCrypto as crypto,
  type DsseEnvelope,
  digestHexOf,
  type Judging,
  judgeManifest,
  type Manifest,
  type ManifestAction,
  manifestError,
  openManifest,
  type Proof,
  proofOf,
  readManifest,
  type TrustedRoot,
  type VerifiedManifest,
} from '@sealwatch/keys'
import { type Authorised, actBy } from '../../access/index.ts'
import { type ActBy, type Recorded, type RecordOptions, recordAct } from '../../identity/index.ts'
import type { Tx } from '../../store/index.ts'
import { collectError } from './errors.ts'
import {
  addRow,
  applyRow,
  envelopeOf,
  type ManifestRow,
  rowIn,
  rowsIn,
  rowsOfChange,
  signRow,
} from './manifest-rows.ts'
import type { TrustRoots } from './trust-roots.ts'

export type ManifestView = {
  /** SHA-256 of what is signed. */
  readonly id: string
  readonly manifest: Manifest
  readonly state: 'collecting' | 'complete' | 'applied' | 'expired'
  readonly openedAt: string
  readonly openedBy: string
  readonly appliedAt: string | null
  readonly appliedBy: string | null
  /** As it counts now, or counted when it was applied. Undefined: the trust root does not count, so nothing does. */
  readonly proof: Proof | undefined
  /** With the signatures of the proof. */
  readonly envelope: DsseEnvelope
}

export type Added = {
  readonly view: ManifestView
  readonly lines: readonly (Recorded & { readonly keyid: string })[]
}

/** A change that a manifest agrees to: whoever makes it calls `consume` in its transaction, and puts `details` into its line. */
export type Approval = {
  readonly verified: VerifiedManifest
  readonly details: Readonly<
    Record<'manifest' | 'manifest_action' | 'manifest_digest' | 'signatures_counted' | 'signatures_needed', unknown>
  >
  /** Judges once more, and uses the manifest up. Throws MANIFEST_REPLAYED, and what `openManifest` throws. */
  consume(tx: Tx, timeNs: bigint, by: Pick<ActBy, 'name'>): Promise<void>
}

/** Where signatures are collected until there are enough (docs/formats/manifest.md). */
export type Manifests = {
  /** Whose manifests count here. */
  readonly deployment: string
  /**
   * What a critical change asks before it is made, and fails closed. Throws MANIFEST_NO_ROOT, TRUST_ROOT_EXPIRED,
   * MANIFEST_REQUIRED, MANIFEST_UNVERIFIED, MANIFEST_EXPIRED, MANIFEST_REPLAYED.
   */
  requireManifest(
    change: { readonly action: ManifestAction; readonly digest: string },
    attempted: string,
  ): Promise<Approval>
  /** Opens the manifest where it is not known, and adds the signatures: each is a line of its own, by its signer's key id. */
  add(by: Authorised<'manifest:sign'>, envelope: DsseEnvelope): Promise<Added>
  /**
   * For a change that is made by hand, an upgrade or a rollback: uses the manifest up, and is a line of the ledger. `digest`
   * is of the release file as whoever makes the change has it. Throws MANIFEST_TAKEN_BY_CHANGE, and as `requireManifest`.
   */
  apply(
    by: Authorised<'manifest:apply'>,
    id: string,
    digest: string,
  ): Promise<Recorded & { readonly view: ManifestView }>
  /** Newest first. */
  list(by: Authorised<'manifest:read'>): Promise<ManifestView[]>
  /** Throws MANIFEST_UNKNOWN. */
  get(by: Authorised<'manifest:read' | 'manifest:sign' | 'manifest:apply'>, id: string): Promise<ManifestView>
}

export function createManifests(
  options: RecordOptions & { readonly roots: Pick<TrustRoots, 'required'>; readonly deployment: string },
): Manifests {
  const { store, clock, roots, deployment } = options
  const { db } = store

  const judging = (nowNs: bigint, attempted: string) => ({ root: roots.required(nowNs, attempted), deployment, nowNs })

  async function view(row: ManifestRow): Promise<ManifestView> {
    const collected = await envelopeOf(db, row)
    const root = usable()
    const count = root && countSigners(collected, root.root, 'critical', crypto)
    const proof = row.proof === null ? count && proofOf(collected, count, crypto) : (JSON.parse(row.proof) as Proof)
    const signatures = proof?.signatures.map(({ keyid, sig }) => ({ keyid, sig })) ?? []
    return {
      id: row.manifest,
      manifest: readManifest(collected, 'reading a manifest'),
      state: stateOf(row, count),
      openedAt: row.opened_at,
      openedBy: row.opened_by,
      appliedAt: row.applied_at,
      appliedBy: row.applied_by,
      proof,
      envelope: { ...collected, signatures },
    }
  }

  function usable(): TrustedRoot | undefined {
    try {
      return roots.required(clock.nowNs(), 'reading a manifest')
    } catch {
      return undefined
    }
  }

  function stateOf(row: ManifestRow, count: Count | undefined): ManifestView['state'] {
    if (row.applied_at !== null) return 'applied'
    if (row.expires_at <= rfc3339(clock.nowNs())) return 'expired'
    return count !== undefined && count.signers.length >= count.threshold ? 'complete' : 'collecting'
  }

  async function open(by: Authorised, id: string, manifest: Manifest, envelope: DsseEnvelope): Promise<void> {
    const { action, subject, digest, expires: expires_at } = manifest
    await recordAct(
      options,
      {
        code: 'manifest_opened',
        component: 'trust',
        tenant: 'cluster',
        by: actBy(by),
        verb: 'create',
        severity: 'medium',
        message: `a manifest for ${action} of ${subject} collects signatures`,
        entity: { type: 'Manifest', uid: id },
        details: { manifest: id, manifest_action: action, manifest_digest: digest, expires_at },
      },
      (tx, timeNs) => addRow(tx, { id, manifest, payload: envelope.payload, by: actBy(by).name, timeNs }),
    )
  }

  async function sign(by: Authorised, id: string, manifest: Manifest, signer: Count['signers'][number], count: Count) {
    const { action, subject, digest } = manifest
    const recorded = await recordAct(
      options,
      {
        code: 'manifest_signed',
        component: 'trust',
        tenant: 'cluster',
        by: actBy(by),
        verb: 'update',
        severity: 'medium',
        message: `the key ${signer.keyid} has signed the manifest for ${action} of ${subject}`,
        entity: { type: 'Manifest', uid: id },
        details: {
          manifest: id,
          manifest_action: action,
          manifest_digest: digest,
          signing_key_id: signer.keyid,
          signatures_needed: count.threshold,
        },
      },
      (tx, timeNs) => signRow(tx, { id, keyid: signer.keyid, sig: signer.sig, by: actBy(by).name, timeNs }),
    )
    return { ...recorded, keyid: signer.keyid }
  }

  async function known(id: string, attempted: string): Promise<ManifestRow> {
    const row = await rowIn(db, id)
    if (row === undefined) throw collectError('MANIFEST_UNKNOWN', { attempted, received: id })
    return row
  }

  /** Anybody may have opened others for the same change: the one that has enough signatures is looked for. */
  async function signedRow(change: Pick<Manifest, 'action' | 'digest'>, now: Judging, attempted: string) {
    let fault: unknown = collectError('MANIFEST_REQUIRED', {
      attempted,
      received: `no manifest for ${change.action} of ${change.digest}`,
    })
    for (const row of await rowsOfChange(db, change)) {
      const { nonce, applied_at } = row
      try {
        if (applied_at !== null)
          throw manifestError('MANIFEST_REPLAYED', {
            attempted,
            received: `the nonce ${nonce}, applied at ${applied_at}`,
          })
        return { row, verified: openManifest(await envelopeOf(db, row), now, crypto, attempted) }
      } catch (cause) {
        fault = cause
      }
    }
    throw fault
  }

  function approvalOf(
    { manifest: id, nonce }: ManifestRow,
    verified: VerifiedManifest,
    change: Pick<Manifest, 'action' | 'digest'>,
    attempted: string,
  ): Approval {
    checkChange(verified.manifest, change, attempted)
    const { signatures, threshold } = verified.proof
    return {
      verified,
      details: {
        manifest: id,
        manifest_action: change.action,
        manifest_digest: change.digest,
        signatures_counted: signatures.map(({ keyid }) => keyid),
        signatures_needed: threshold,
      },
      consume: async (tx, timeNs, by) => {
        const { proof } = openManifest(verified.envelope, judging(timeNs, attempted), crypto, attempted)
        const isFirst = await applyRow(tx, { id, proof, by: by.name, timeNs })
        if (!isFirst) throw manifestError('MANIFEST_REPLAYED', { attempted, received: `the nonce ${nonce}` })
      },
    }
  }

  return {
    deployment,
    requireManifest: async (change, attempted) => {
      const { row, verified } = await signedRow(change, judging(clock.nowNs(), attempted), attempted)
      return approvalOf(row, verified, change, attempted)
    },
    apply: async (by, id, digest) => {
      const attempted = `applying the manifest ${id}`
      const row = await known(id, attempted)
      const now = judging(clock.nowNs(), attempted)
      const verified = openManifest(await envelopeOf(db, row), now, crypto, attempted)
      const { action, subject } = verified.manifest
      if (action !== 'upgrade' && action !== 'rollback')
        throw collectError('MANIFEST_TAKEN_BY_CHANGE', { attempted, received: action })
      const { consume, details } = approvalOf(row, verified, { action, digest }, attempted)
      const act = {
        code: 'manifest_applied',
        component: 'trust',
        tenant: 'cluster',
        by: actBy(by),
        verb: 'update',
        severity: 'high',
        message: `${action} of ${subject} is agreed to by ${verified.proof.signatures.length} signers, and is made now`,
        entity: { type: 'Manifest', uid: id },
        details,
      } as const
      const recorded = await recordAct(options, act, (tx, timeNs) => consume(tx, timeNs, act.by))
      return { ...recorded, view: await view(await known(id, attempted)) }
    },
    add: async (by, envelope) => {
      const attempted = 'handing in signatures'
      const { manifest, count } = judgeManifest(envelope, judging(clock.nowNs(), attempted), crypto, attempted)
      const id = digestHexOf(envelope, crypto)
      const [refused] = count.passedOver.filter(({ fault }) => fault !== 'signed twice')
      if (refused !== undefined)
        throw collectError('MANIFEST_SIGNATURE', { attempted, received: `${refused.keyid}: ${refused.fault}` })
      if ((await rowIn(db, id)) === undefined) await open(by, id, manifest, envelope)
      const row = await known(id, attempted)
      if (row.applied_at !== null)
        throw manifestError('MANIFEST_REPLAYED', { attempted, received: `the nonce ${row.nonce}` })
      const before = new Set((await envelopeOf(db, row)).signatures.map(({ keyid }) => keyid))
      const lines: Added['lines'][number][] = []
      for (const signer of count.signers)
        if (!before.has(signer.keyid)) lines.push(await sign(by, id, manifest, signer, count))
      return { view: await view(row), lines }
    },
    list: async () => Promise.all((await rowsIn(db)).map(view)),
    get: async (_by, id) => view(await known(id, `reading the manifest ${id}`)),
  }
}
