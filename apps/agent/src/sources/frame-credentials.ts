// SPDX-License-Identifier: Apache-2.0

import type { CredentialIds } from './observation.ts'

const idNames = ['uid', 'euid', 'suid', 'fsuid', 'gid', 'egid', 'sgid', 'fsgid'] as const

/** The object of a credentials frame (frame.md, 5.6). */
export function readCredentials(bytes: Buffer, at: number) {
  const capabilitiesAt = at + 4 * idNames.length
  return {
    ids: Object.fromEntries(idNames.map((name, i) => [name, bytes.readUInt32LE(at + 4 * i)])) as CredentialIds,
    capabilitiesBefore: bytes.readBigUInt64LE(capabilitiesAt),
    capabilities: bytes.readBigUInt64LE(capabilitiesAt + 8),
  }
}
