// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { safe } from '../terminal.ts'

export type Sent = Operations['addManifestSignatures']['answer']

/** Whose signatures the server has now, by the names that the trust root gives them. */
export function sentText({ manifest, added }: Sent): string {
  const { signatures = [], threshold = 0 } = manifest.proof ?? {}
  const nameOf = (keyid: string) => safe(signatures.find((one) => one.keyid === keyid)?.owner ?? keyid)
  const lines = added.map(({ keyid, ledger: { leaf_index, tenant } }) => {
    const leaf = leaf_index === null ? '' : `, leaf ${leaf_index} of ${tenant}`
    return `${nameOf(keyid)}: added${leaf}\n`
  })
  const names = signatures.length === 0 ? '' : ` (${signatures.map(({ owner }) => safe(owner)).join(', ')})`
  return `${lines.join('')}${manifest.id} is ${manifest.state}: ${signatures.length} of ${threshold}${names}\n`
}

const takenBy: Readonly<Record<string, string>> = {
  'strict-off': './sealwatch strict off --tenant TENANT --for TIME',
  'key-promotion': './sealwatch rotate promote SERVICE --id KEY',
}

export function nextOf({
  id,
  action,
  state,
  subject,
}: Pick<Sent['manifest'], 'id' | 'action' | 'state' | 'subject'>): string {
  if (state === 'collecting') return 'Next: let more of the signers sign, and hand those signatures in too.\n'
  const change = takenBy[action]
  if (change === undefined) return `Next, right before you make it: ./sealwatch manifest apply ${id} --file FILE\n`
  return `Next, for just what it is about (${safe(subject)}): ${change}\n`
}
