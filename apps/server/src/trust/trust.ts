// SPDX-License-Identifier: Apache-2.0

import type { Authority, RecordOptions } from '../identity/index.ts'
import { type Certificates, openCertificates } from './certificates.ts'
import { type KeyEnds, keepKeyEnds } from './key-ends.ts'
import type { Manifests, TrustRoots } from './manifests/index.ts'
import { createProducers, type Producers } from './producers.ts'
import type { KeyRegistry } from './registry.ts'
import { createRotations, type Rotations } from './rotation/index.ts'
import { createSigningKeys, type SigningKeys } from './signing-keys.ts'

/** Who may send rows, and under which keys. */
export type Trust = {
  readonly producers: Producers
  readonly signingKeys: SigningKeys
  readonly certificates: Certificates
  readonly rotations: Rotations
  readonly ends: KeyEnds
}

export type TrustOptions = RecordOptions & {
  readonly keys: KeyRegistry
  readonly authority: Authority
  readonly trustRoots: TrustRoots
  readonly manifests: Manifests
}

export async function openTrust(options: TrustOptions): Promise<Trust> {
  return {
    producers: createProducers(options),
    signingKeys: createSigningKeys(options),
    certificates: await openCertificates(options),
    rotations: createRotations(options),
    ends: keepKeyEnds(options),
  }
}
