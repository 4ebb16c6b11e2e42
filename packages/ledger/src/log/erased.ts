// SPDX-License-Identifier: Apache-2.0

import { sha256 } from '../sha256.ts'
import { newline } from '../verify/bundle-records.ts'
import { parseLine } from '../verify/line.ts'

export const clusterFolder = 'tenant-cluster'
const erasedMark = Buffer.from('"erased_origin":')

/** Whose ledgers lines of the cluster's own chain say to be destroyed: origin and tenant. */
export function* erasedIn(block: Uint8Array, own: string | undefined): Generator<[origin: string, tenant: string]> {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength)
  for (let at = bytes.indexOf(erasedMark); at >= 0; at = bytes.indexOf(erasedMark, at + 1)) {
    const from = bytes.lastIndexOf(newline, at) + 1
    const to = bytes.indexOf(newline, at)
    if (to < 0) return
    const { line } = parseLine(sha256, block.subarray(Math.max(1, from), to), 'reading what was erased')
    if (!('event' in line) || line.chain !== own) continue
    const { metadata, unmapped } = line.event as Said
    if (metadata?.event_code !== 'tenant_erased' || typeof unmapped?.erased_tenant !== 'string') continue
    if (typeof unmapped.erased_origin === 'string') yield [unmapped.erased_origin, unmapped.erased_tenant]
  }
}

type Said = {
  readonly metadata?: { readonly event_code?: unknown }
  readonly unmapped?: { readonly erased_tenant?: unknown; readonly erased_origin?: unknown }
}
