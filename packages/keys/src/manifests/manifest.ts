// SPDX-License-Identifier: Apache-2.0
// docs/formats/manifest.md. No node: imports.

import { parseRfc3339 } from '@sealwatch/base/time'
import type { DsseEnvelope } from '../dsse.ts'
import { type Count, countSigners, isReached, type Proof, proofOf, toldCount } from './count.ts'
import { manifestError } from './errors.ts'
import { checkFresh, type TrustedRoot } from './root-chain.ts'
import {
  encodeSigned,
  hasOnly,
  hexForm,
  isText,
  type ManifestCrypto,
  payloadOf,
  readSigned,
  timeForm,
  wordsForm,
} from './signed-text.ts'

export const manifestType = 'application/vnd.sealwatch.manifest.v1+json'

/** The change of the trust root is none of them: a root is signed by the thresholds of two roots itself. */
export const manifestActions = ['key-promotion', 'rollback', 'strict-off', 'upgrade'] as const
export type ManifestAction = (typeof manifestActions)[number]

/** As it is signed. */
export type Manifest = {
  readonly type: 'manifest'
  readonly action: ManifestAction
  /** What is changed, for people; what counts is `digest`. */
  readonly subject: string
  /** SHA-256 of the change, hex: of the canonical JSON that manifest.md, 3 gives for the action, or of the file. */
  readonly digest: string
  readonly created: string
  readonly expires: string
  /** 128 bits by chance, hex: a manifest is applied once. */
  readonly nonce: string
  readonly deployment: string
}

export const manifestLimits = { lifeDaysMax: 30 } as const
/** How far the clock of whoever made it may be ahead. */
const aheadNsMax = 300_000_000_000n
const lifeNsMax = BigInt(manifestLimits.lifeDaysMax) * 86_400_000_000_000n
const nonceForm = /^[0-9a-f]{32}$/
export const deploymentForm = /^[!-~]{1,253}$/

export const encodeManifest = (manifest: Manifest): Uint8Array => encodeSigned(manifest)

/** The manifest that the payload says, signed by nobody yet. Throws MANIFEST_MALFORMED. */
export function parseManifest(payload: Uint8Array, attempted: string): Manifest {
  const wrong = (received: string) => manifestError('MANIFEST_MALFORMED', { attempted, received })
  const { object } = readSigned(manifestType, payload, attempted, wrong)
  const fault = Object.entries(forms).find(([member, form]) => !isText(object[member], form))?.[0]
  if (fault !== undefined) throw wrong(`${fault} ${JSON.stringify(object[fault])?.slice(0, 100)}`)
  if (!hasOnly(object, Object.keys(forms))) throw wrong(Object.keys(object).join(', '))
  const manifest = object as unknown as Manifest
  const created = parseRfc3339(manifest.created)
  const expires = parseRfc3339(manifest.expires)
  if (created === undefined || expires === undefined || expires <= created || expires - created > lifeNsMax)
    throw wrong(`created ${manifest.created}, expires ${manifest.expires}`)
  return manifest
}

const forms: Readonly<Record<keyof Manifest, RegExp>> = {
  type: /^manifest$/,
  action: new RegExp(`^(?:${manifestActions.join('|')})$`),
  subject: wordsForm,
  digest: hexForm,
  created: timeForm,
  expires: timeForm,
  nonce: nonceForm,
  deployment: deploymentForm,
}

/** The manifest in an envelope, which may have too few signatures. Throws MANIFEST_MALFORMED. */
export function readManifest(envelope: DsseEnvelope, attempted: string): Manifest {
  const wrong = (received: string) => manifestError('MANIFEST_MALFORMED', { attempted, received })
  return parseManifest(payloadOf(envelope, manifestType, wrong), attempted)
}

/** What a manifest is judged by: everything but the manifest comes from whoever judges. */
export type Judging = {
  /** The newest there is. */
  readonly root: TrustedRoot
  readonly deployment: string
  readonly nowNs: bigint
}

declare const verified: unique symbol
/** That enough people have agreed to one change. Only `openManifest` makes one; whether it was applied before, it cannot say. */
export type VerifiedManifest = {
  readonly manifest: Manifest
  readonly envelope: DsseEnvelope
  readonly proof: Proof
  readonly [verified]: true
}

/** All of clause 4, but that it is applied once. */
export function openManifest(
  envelope: DsseEnvelope,
  judging: Judging,
  crypto: ManifestCrypto,
  attempted: string,
): VerifiedManifest {
  const { manifest, count } = judgeManifest(envelope, judging, crypto, attempted)
  if (!isReached(count))
    throw manifestError('MANIFEST_UNVERIFIED', { attempted, received: toldCount(count, 'critical') })
  return { manifest, envelope, proof: proofOf(envelope, count, crypto) } as VerifiedManifest
}

/** The same before all have signed: what still is to be collected. */
export function judgeManifest(
  envelope: DsseEnvelope,
  { root, deployment, nowNs }: Judging,
  crypto: ManifestCrypto,
  attempted: string,
): { readonly manifest: Manifest; readonly count: Count } {
  const manifest = readManifest(envelope, attempted)
  checkFresh(root, nowNs, attempted)
  if (manifest.deployment !== deployment) {
    const received = `a manifest for the deployment ${manifest.deployment}, in ${deployment}`
    throw manifestError('MANIFEST_ELSEWHERE', { attempted, received })
  }
  const { created, expires } = manifest
  if (nowNs >= (parseRfc3339(expires) as bigint) || nowNs + aheadNsMax < (parseRfc3339(created) as bigint))
    throw manifestError('MANIFEST_EXPIRED', { attempted, received: `one from ${created} until ${expires}` })
  return { manifest, count: countSigners(envelope, root.root, 'critical', crypto) }
}

/** That the manifest agrees to this change and no other. Throws MANIFEST_ELSEWHERE. */
export function checkChange(
  { action, digest }: Manifest,
  wanted: { readonly action: ManifestAction; readonly digest: string },
  attempted: string,
): void {
  if (action === wanted.action && digest === wanted.digest) return
  const received = `a manifest for ${action} of ${digest}, where ${wanted.action} of ${wanted.digest} is wanted`
  throw manifestError('MANIFEST_ELSEWHERE', { attempted, received })
}

/** Clause 5; `isApplied` knows every nonce that ever was, and is asked in the transaction of the change. */
export function checkUnapplied({ nonce }: Manifest, isApplied: (nonce: string) => boolean, attempted: string): void {
  if (isApplied(nonce)) throw manifestError('MANIFEST_REPLAYED', { attempted, received: `the nonce ${nonce}` })
}
