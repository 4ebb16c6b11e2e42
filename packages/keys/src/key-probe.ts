// SPDX-License-Identifier: Apache-2.0
// What a new key signs before it counts for anything (docs/formats/key-states.md, 3). No node: imports.

import { canonicalize } from '@sealwatch/base/json'

export const keyProbeType = 'application/vnd.sealwatch.key-probe.v1+json'

/** Whoever can sign this holds the private half, and means this one key of this one producer. */
export type KeyProbe = {
  readonly type: 'key-probe'
  readonly deployment: string
  readonly tenant: string
  readonly producer: string
  readonly key_id: string
  /** SPKI in DER, base64. */
  readonly public_key: string
}

export const encodeKeyProbe = (probe: KeyProbe): Uint8Array => new TextEncoder().encode(canonicalize(probe))
