// SPDX-License-Identifier: Apache-2.0

import type { HostGuardConfig, KeyReader, ProtectedEntry } from '@sealwatch/contract/guard-config'
import { openPolicy } from '@sealwatch/detect/policy'
import type { PolicyInForce } from './in-force.ts'

/** No policy of a tenant has a dot in its id. */
export const keyFilesPolicyId = 'guard.key-files'

/**
 * What keeps key files of protected services from others, where the guard is to prevent (docs/formats/host-config.md, 6.9): a policy as
 * those of tenants, of the host's own. Undefined: there is nothing to keep.
 */
export function keyFilesPolicy({ mode, prevent, protect = [] }: HostGuardConfig): PolicyInForce | undefined {
  const rules = prevent === 'on' && (mode ?? 'on') === 'on' ? protect.flatMap(rulesOf) : []
  if (rules.length === 0) return undefined
  const name = 'Key files of protected services'
  const compiled = openPolicy(JSON.stringify({ type: 'file', name, enabled: true, mode: 'enforce', rules }))
  return compiled && { id: keyFilesPolicyId, version: 1, name, mode: 'enforce', compiled }
}

/** Whose own program is not known would be kept from its own keys: of these only who may is named, or nothing is refused. */
const rulesOf = ({ name, exe, keys = [] }: ProtectedEntry) =>
  keys.flatMap(({ path, may = [] }, at) => {
    const readers = [...(exe === undefined ? [] : [{ exe }]), ...may].map(subjectOf)
    const plain = literal(path)
    const rule = {
      id: `${name.replace(/[._]/g, '-').slice(0, 56)}-${at}`,
      paths: [plain, `${plain}/*`],
      operations: ['read'],
    }
    return readers.length === 0 ? [] : [{ ...rule, may: readers }]
  })

const subjectOf = ({ exe, uid }: KeyReader) => ({
  ...(exe !== undefined && { executables: [literal(exe)] }),
  ...(uid !== undefined && { users: [uid] }),
})

/** policy.md, 2.1 */
const literal = (path: string): string => path.replace(/[*?\\]/g, '\\$&')
