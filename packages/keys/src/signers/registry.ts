// SPDX-License-Identifier: Apache-2.0

import {
  canonicalize,
  type Disk,
  type Json,
  type JsonObject,
  parseCanonical,
  parseRfc3339,
  rfc3339,
} from '@sealwatch/base'
import { type AuditAlgorithm, auditAlgorithms } from './algorithms.ts'
import { signerError } from './errors.ts'
import type { AuditBackend, AuditSigner } from './signer.ts'

/** One key that the deployment has signed with: the key itself, and where it was kept when it was seen last. */
export type SignerRecord = {
  readonly algorithm: AuditAlgorithm
  readonly backend: AuditBackend
  /** A key ARN, URL, PKCS#11 URI or path; never an alias. */
  readonly location: string
  readonly key_id: string
  /** Base64 of the SPKI in DER; null for hmac-sha256. */
  readonly public_key: string | null
  /** RFC 3339. */
  readonly since: string
}

/**
 * `first`: the deployment has not signed yet; `known`; `moved`: the same key kept elsewhere; `replaced`: by the named
 * successor; `found`: the record is gone, and the newest delegation is by this key.
 */
export type SignerStanding = 'first' | 'known' | 'moved' | 'replaced' | 'found'

const recordsMax = 1_000

export type SignerPlace = {
  readonly path: string
  readonly disk: Disk
  readonly nowNs: bigint
  /** Whether the recorded key, or that of `signedLast`, is one that others pin, so that no other can take its place. */
  readonly isPinned?: (recorded: SignerRecord | undefined) => boolean
  /** Id of the key that signed last, as its work shows and not the record: asked where that is missing. */
  readonly signedLast?: () => Promise<string | undefined>
}

/**
 * Compares a signer with what the deployment recorded and records what is new, durably, before it may be used. Throws
 * SIGNER_CHANGED where the key is another one and `successor` does not name it, SIGNER_PINNED where none may be.
 */
export async function admitSigner(
  { path, disk, nowNs, isPinned = () => false, signedLast = async () => undefined }: SignerPlace,
  signer: AuditSigner,
  successor: string | undefined,
): Promise<SignerStanding> {
  const found = await disk.read(path)
  const now = recordOf(signer, nowNs)
  const { standing, next } =
    found === undefined
      ? { standing: judgeUnrecorded(await signedLast(), now, successor, isPinned), next: [now] }
      : judgeSigner(parseRecords(Buffer.from(found).toString('utf8').trimEnd(), path), now, successor, isPinned)
  if (standing !== 'known') await disk.replace(path, `${canonicalize({ signers: next })}\n`)
  return standing
}

type IsPinned = NonNullable<SignerPlace['isPinned']>

/** Whoever takes the record away shall not have another key taken for the first one. */
function judgeUnrecorded(
  last: string | undefined,
  now: SignerRecord,
  successor: string | undefined,
  isPinned: IsPinned,
): SignerStanding {
  if (last === undefined) return 'first'
  if (last === now.key_id) return 'found'
  if (successor !== now.key_id)
    throw signerError('SIGNER_CHANGED', {
      attempted: `comparing the key of ${now.location} with the newest delegation, for signers.json is missing`,
      received: `${now.key_id} where ${last} has signed`,
    })
  if (isPinned(undefined)) {
    const received = `${now.key_id} where ${last} is pinned`
    throw signerError('SIGNER_PINNED', { attempted: 'replacing the key of the newest delegation', received })
  }
  return 'replaced'
}

function judgeSigner(
  records: readonly SignerRecord[],
  now: SignerRecord,
  successor: string | undefined,
  isPinned: IsPinned,
): { readonly standing: SignerStanding; readonly next: readonly SignerRecord[] } {
  const last = records.at(-1) as SignerRecord
  if (last.key_id === now.key_id && last.algorithm === now.algorithm) {
    if (last.backend === now.backend && last.location === now.location) return { standing: 'known', next: records }
    return { standing: 'moved', next: [...records.slice(0, -1), { ...now, since: last.since }] }
  }
  const refused = (received: string) =>
    signerError('SIGNER_CHANGED', { attempted: `comparing the key of ${now.location} with signers.json`, received })
  // A key that was given up is not taken back: it was given up for a reason.
  if (records.some(({ key_id }) => key_id === now.key_id)) throw refused(`${now.key_id}, which was replaced before`)
  if (successor !== now.key_id || records.length >= recordsMax)
    throw refused(`${now.key_id} where ${last.key_id} is recorded`)
  if (isPinned(last)) {
    const received = `${now.key_id} where ${last.key_id} is pinned`
    throw signerError('SIGNER_PINNED', { attempted: `replacing the key of ${last.location}`, received })
  }
  return { standing: 'replaced', next: [...records, now] }
}

const recordOf = ({ algorithm, backend, location, keyId, publicKey }: AuditSigner, nowNs: bigint): SignerRecord => ({
  algorithm,
  backend,
  location,
  key_id: keyId,
  public_key: publicKey === undefined ? null : Buffer.from(publicKey).toString('base64'),
  since: rfc3339(nowNs),
})

const backends: readonly string[] = ['aws-kms', 'signing-proxy', 'pkcs11', 'file', 'mock'] satisfies AuditBackend[]
const members = 'algorithm,backend,key_id,location,public_key,since'

function parseRecords(text: string, path: string): SignerRecord[] {
  const attempted = `reading ${path}`
  let value: Json
  try {
    value = parseCanonical(text, attempted)
  } catch (cause) {
    throw signerError('SIGNER_REGISTRY_DAMAGED', { attempted, cause })
  }
  const { signers, ...others } = (value ?? {}) as JsonObject
  const isWhole = Array.isArray(signers) && signers.length > 0 && signers.every(isRecord)
  if (!isWhole || Object.keys(others).length > 0)
    throw signerError('SIGNER_REGISTRY_DAMAGED', { attempted, received: `${text.length} characters` })
  return signers as unknown as SignerRecord[]
}

function isRecord(value: Json): boolean {
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== members) return false
  const { algorithm, backend, key_id, location, public_key, since } = value as JsonObject
  const texts = [algorithm, backend, key_id, location, since].every((text) => typeof text === 'string')
  return (
    texts &&
    (auditAlgorithms as readonly string[]).includes(algorithm as string) &&
    backends.includes(backend as string) &&
    /^[0-9a-f]{64}$/.test(key_id as string) &&
    (public_key === null ? algorithm === 'hmac-sha256' : typeof public_key === 'string') &&
    parseRfc3339(since as string) !== undefined
  )
}
