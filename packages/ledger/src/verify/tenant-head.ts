// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'
import type { TenantHead } from './line.ts'
import { type Sha256, verifyConsistency } from './merkle.ts'

export const tenantHeadErrors = {
  TENANT_FORKED: {
    kind: 'unverified',
    rule: 'each head of a tenant extends the one before it in the root ledger, by the proof it carries (checkpoint.md, 5)',
    advice: 'The tenant was shown, or has, two histories: keep all files as evidence and run `sealwatch audit fsck`',
  },
} as const satisfies ErrorTable
const tenantHeadError = errorsOf(tenantHeadErrors)

/**
 * Throws TENANT_FORKED unless `next` extends `before`, the tenant's head before it in the root ledger; undefined: there
 * is none. Heads of version 1 of the format carry no proof and are held to their sizes alone.
 */
export function extendTenantHead(sha256: Sha256, before: TenantHead | undefined, next: TenantHead): TenantHead {
  const attempted = `following the heads of tenant ${next.label}`
  const wrong = (received: string, cause?: unknown) => tenantHeadError('TENANT_FORKED', { attempted, received, cause })
  const size = before?.size ?? 0
  if (before !== undefined && next.origin !== before.origin) throw wrong(`the origin ${next.origin}`)
  if (next.proof === undefined || next.prev_size === undefined) {
    if (next.size < size) throw wrong(`a size of ${next.size} after ${size}`)
    return next
  }
  if (next.prev_size !== size) throw wrong(`a head that extends size ${next.prev_size} where ${size} was the last`)
  const oldRoot = before === undefined ? sha256(new Uint8Array(0)) : Uint8Array.fromHex(before.root)
  const claim = { oldSize: size, oldRoot, newSize: next.size, newRoot: Uint8Array.fromHex(next.root) }
  try {
    verifyConsistency(
      sha256,
      claim,
      next.proof.map((hash) => Uint8Array.fromHex(hash)),
    )
  } catch (cause) {
    throw wrong(`a size of ${next.size} that does not extend ${size}`, cause)
  }
  return next
}
