// SPDX-License-Identifier: Apache-2.0

import type { RecordOptions } from '../identity/index.ts'
import type { Manifests, TrustRoots } from './manifests/index.ts'
import { createProducers, type Producers } from './producers.ts'
import type { KeyRegistry } from './registry.ts'
import { createRotations, type Rotations } from './rotation/index.ts'
import { createSigningKeys, type SigningKeys } from './signing-keys.ts'

/** Who may send rows, and under which keys. */
export type Trust = {
  readonly producers: Producers
  readonly signingKeys: SigningKeys
  readonly rotations: Rotations
}

export type TrustOptions = RecordOptions & {
  readonly keys: KeyRegistry
  readonly trustRoots: TrustRoots
  readonly manifests: Manifests
}

export function openTrust(options: TrustOptions): Trust {
  return {
    producers: createProducers(options),
    signingKeys: createSigningKeys(options),
    rotations: createRotations(options),
  }
}
