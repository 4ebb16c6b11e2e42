// SPDX-License-Identifier: Apache-2.0
// docs/formats/trust-root.md. No node: imports.

import { decodeBase64 } from '@sealwatch/base/base64'
import type { Json, JsonObject } from '@sealwatch/base/json'
import { parseRfc3339 } from '@sealwatch/base/time'
import { manifestError } from './errors.ts'
import { identityOf, type ManifestAlgorithm, manifestAlgorithms } from './public-keys.ts'
import {
  encodeSigned,
  hasOnly,
  hexForm,
  isObject,
  isText,
  type ManifestCrypto,
  readSigned,
  timeForm,
  wordsForm,
} from './signed-text.ts'

export const trustRootType = 'application/vnd.sealwatch.trust-root.v1+json'

/** `root` signs the next root, `critical` the manifests of critical changes. */
export const trustRoles = ['critical', 'root'] as const
export type TrustRole = (typeof trustRoles)[number]
export type RoleRow = { readonly keyids: readonly string[]; readonly threshold: number }
export type RootKey = {
  readonly algorithm: ManifestAlgorithm
  /** Who keeps it, in words. Each owner has one key. */
  readonly owner: string
  /** SubjectPublicKeyInfo in DER, base64. */
  readonly public_key: string
}
/** As it is signed. */
export type TrustRoot = {
  readonly type: 'root'
  readonly version: number
  readonly expires: string
  readonly keys: Readonly<Record<string, RootKey>>
  readonly roles: Readonly<Record<TrustRole, RoleRow>>
}

/** One signature alone is no multi-signature; DSSE envelopes have at most 16. */
export const trustRootLimits = { keysMax: 16, thresholdMin: 2 } as const
export const defaultThreshold = 3

export const encodeTrustRoot = (root: TrustRoot): Uint8Array => encodeSigned(root)

/** The root that the payload says, in the form of clause 2, signed by nobody yet. Throws TRUST_ROOT_MALFORMED. */
export function parseTrustRoot(payload: Uint8Array, crypto: ManifestCrypto, attempted: string): TrustRoot {
  const wrong = (received: string) => manifestError('TRUST_ROOT_MALFORMED', { attempted, received })
  const { object } = readSigned(trustRootType, payload, attempted, wrong)
  if (!hasOnly(object, ['expires', 'keys', 'roles', 'type', 'version'])) throw wrong(Object.keys(object).join(', '))
  const { expires, keys, roles, type, version } = object
  if (type !== 'root') throw wrong(`the type ${JSON.stringify(type)}`)
  if (!Number.isSafeInteger(version) || (version as number) < 1) throw wrong(`the version ${JSON.stringify(version)}`)
  if (!isText(expires, timeForm) || parseRfc3339(expires) === undefined)
    throw wrong(`expires ${JSON.stringify(expires)}`)
  const fault = faultInKeys(keys, crypto) ?? faultInRoles(roles, keys as JsonObject)
  if (fault !== undefined) throw wrong(fault)
  return object as unknown as TrustRoot
}

function faultInKeys(keys: Json | undefined, { sha256 }: ManifestCrypto): string | undefined {
  if (!isObject(keys)) return 'keys that are no object'
  const rows = Object.entries(keys)
  if (rows.length > trustRootLimits.keysMax) return `${rows.length} keys, more than ${trustRootLimits.keysMax}`
  const [identities, owners] = [new Map<string, string>(), new Map<string, string>()]
  for (const [keyid, row] of rows) {
    if (!isObject(row) || !hasOnly(row, ['algorithm', 'owner', 'public_key'])) return `the key ${keyid} of another form`
    const { algorithm, owner, public_key } = row
    if (!(manifestAlgorithms as readonly Json[]).includes(algorithm ?? null))
      return `the key ${keyid} of the algorithm ${JSON.stringify(algorithm)}`
    if (!isText(owner, wordsForm)) return `the key ${keyid} of no owner`
    const spki = typeof public_key === 'string' ? decodeBase64(public_key) : undefined
    const identity = spki && identityOf(algorithm as ManifestAlgorithm, spki)
    if (spki === undefined || identity === undefined) return `the key ${keyid}, which is no sound ${algorithm} key`
    // Before its id: one key under two ids is told as what it is.
    const twin = identities.get(identity) ?? owners.get(owner)
    if (twin !== undefined)
      return `one ${identities.has(identity) ? 'public key' : 'owner'} under two ids, ${twin} and ${keyid}`
    if (sha256(spki).toHex() !== keyid) return `the id ${keyid}, which is not the SHA-256 of its key`
    identities.set(identity, keyid)
    owners.set(owner, keyid)
  }
  return undefined
}

function faultInRoles(roles: Json | undefined, keys: JsonObject): string | undefined {
  if (!isObject(roles) || !hasOnly(roles, trustRoles)) return 'roles other than critical and root'
  const used = new Set<string>()
  for (const [name, row] of Object.entries(roles)) {
    if (!isObject(row) || !hasOnly(row, ['keyids', 'threshold'])) return `the role ${name} of another form`
    const { keyids, threshold } = row
    if (!Array.isArray(keyids) || !keyids.every((id) => isText(id, hexForm) && Object.hasOwn(keys, id)))
      return `the role ${name} with a key that is not among the keys`
    if (new Set(keyids).size !== keyids.length) return `the role ${name} with a key twice`
    const { thresholdMin } = trustRootLimits
    if (!Number.isInteger(threshold) || (threshold as number) < thresholdMin || (threshold as number) > keyids.length)
      return `the role ${name} with the threshold ${JSON.stringify(threshold)} of ${keyids.length}, and not ${thresholdMin} to ${keyids.length}`
    for (const id of keyids as string[]) used.add(id)
  }
  return used.size === Object.keys(keys).length ? undefined : 'a key that is of no role'
}
