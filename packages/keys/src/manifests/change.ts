// SPDX-License-Identifier: Apache-2.0
// What the digest of a manifest is made of (manifest.md, 3). No node: imports.

import type { Manifest } from './manifest.ts'
import { encodeSigned, type ManifestCrypto } from './signed-text.ts'

/** Signatures of a tenant's producers are not demanded for so long from when the manifest is applied. */
export type StrictOffChange = { readonly action: 'strict-off'; readonly tenant: string; readonly for_seconds: number }
/** The key of the service begins to count. `public_key` is its SPKI in DER, base64. */
export type KeyPromotionChange = {
  readonly action: 'key-promotion'
  readonly tenant: string
  readonly key_id: string
  readonly producer: string
  readonly public_key: string
}
/** Of an upgrade or a rollback it is the SHA-256 of the release file itself. */
export type DescribedChange = StrictOffChange | KeyPromotionChange

export const digestOfChange = (change: DescribedChange, { sha256 }: Pick<ManifestCrypto, 'sha256'>): string =>
  sha256(encodeSigned(change)).toHex()

export const isDescribed = (action: Manifest['action']): action is DescribedChange['action'] =>
  action === 'strict-off' || action === 'key-promotion'
