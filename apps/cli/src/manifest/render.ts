// SPDX-License-Identifier: Apache-2.0

import type { Count, Manifest, TrustRoot } from '@sealwatch/keys'
import { columns, safe, toSecond } from '../terminal.ts'

export const manifestText = (manifest: Manifest): string =>
  columns([
    ['action', manifest.action],
    ['subject', safe(manifest.subject)],
    ['digest', manifest.digest],
    ['deployment', safe(manifest.deployment)],
    ['created', toSecond(manifest.created)],
    ['expires', toSecond(manifest.expires)],
    ['nonce', manifest.nonce],
  ])

export function rootText({ version, expires, keys, roles }: TrustRoot): string {
  const rolesOf = (keyid: string) => Object.entries(roles).filter(([, { keyids }]) => keyids.includes(keyid))
  const thresholds = Object.entries(roles).map(([name, role]) => `${name} ${role.threshold} of ${role.keyids.length}`)
  return `${columns([
    ['trust root', `version ${version}`],
    ['expires', toSecond(expires)],
    ['signatures', thresholds.join(', ')],
  ])}${columns(
    Object.entries(keys).map(([keyid, { owner, algorithm }]) => [
      `  ${safe(owner)}`,
      algorithm,
      rolesOf(keyid)
        .map(([name]) => name)
        .join(' '),
      keyid,
    ]),
  )}`
}

export const countText = ({ signers, threshold, passedOver }: Count): string =>
  columns([
    ['signed', `${signers.length} of ${threshold}`],
    ...signers.map(({ owner, keyid }) => ['', `${safe(owner)}  ${keyid}`]),
    ...passedOver.map(({ keyid, fault }) => ['does not count', `${safe(keyid)}: ${fault}`]),
  ])
