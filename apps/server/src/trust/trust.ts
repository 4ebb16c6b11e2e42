// SPDX-License-Identifier: Apache-2.0

import type { RecordOptions } from '../identity/index.ts'
import { createProducers, type Producers } from './producers.ts'
import type { KeyRegistry } from './registry.ts'
import { createSigningKeys, type SigningKeys } from './signing-keys.ts'

/** Who may send rows, and under which keys. */
export type Trust = {
  readonly producers: Producers
  readonly signingKeys: SigningKeys
}

export function openTrust(options: RecordOptions & { readonly keys: KeyRegistry }): Trust {
  return { producers: createProducers(options), signingKeys: createSigningKeys(options) }
}
