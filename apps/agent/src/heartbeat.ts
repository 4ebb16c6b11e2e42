// SPDX-License-Identifier: Apache-2.0

import type { Ed25519Signer } from '@sealwatch/keys'
import { createNoteSigner, type Heartbeat, heartbeatText, hostKeyName } from '@sealwatch/ledger/chain'
import type { WatchState } from './watch.ts'

/** Signs heartbeats as the host (agent-protocol.md, 8). */
export function createHeartbeats(
  signer: Ed25519Signer,
  read: () => Omit<Heartbeat, 'sites'>,
  watch: () => Pick<WatchState, 'hello' | 'connected'>,
) {
  const host = createNoteSigner(hostKeyName(signer.keyId), signer)
  return (): string => host.sign(heartbeatText({ ...read(), sites: sitesOf(watch()) }))
}

function sitesOf({ hello, connected }: Pick<WatchState, 'hello' | 'connected'>): Heartbeat['sites'] {
  if (hello === undefined || !connected) return undefined
  const sites = Object.values(hello.attached).filter(({ ok, reason }) => ok || reason !== '')
  return { attached: sites.filter(({ ok }) => ok).length, of: sites.length }
}
