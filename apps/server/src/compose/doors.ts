// SPDX-License-Identifier: Apache-2.0

import { hostname } from 'node:os'
import { addHealth } from '../health.ts'
import { openTransport } from '../ingest/index.ts'
import type { Followers } from './followers.ts'
import type { Rooms } from './rooms.ts'

export type Doors = {
  /** Where agents come in. */
  readonly port: number
  /** Rejects when this process must not go on. Never resolves. */
  readonly failed: Promise<never>
}

export async function openDoors(rooms: Rooms, { integrity }: Followers, ends: AsyncDisposableStack): Promise<Doors> {
  const { config, api, health, store, ledgers, indexed, side, identity, ingest, tender, erasures, sealing } = rooms
  const names = [...new Set([config.host, '127.0.0.1', 'localhost', hostname()])]
  const opening = openTransport({ ...rooms, address: config.host, port: config.port, names })
  ends.defer(api.close)
  const transport = ends.adopt(await opening, ({ close }) => close())
  addHealth(health, { ...rooms, integrity, transport })
  const { backend, algorithm, keyId, location } = rooms.auditSigner
  const signerFacts = { configured: rooms.signers.active !== undefined, backend, algorithm, keyId, location }
  api.serve({
    ...rooms,
    db: store.db,
    index: indexed,
    openSide: side.open,
    keys: { ...tender, ...erasures, status: () => sealing.status() },
    createJoinToken: (ttlSeconds) => identity.createJoinToken(ttlSeconds),
    facts: () => ({
      deployment: rooms.deployment.name,
      health: rooms.healthUrl,
      ledgerKeys: [ledgers.vkey],
      signing: { ...ledgers.health, signer: signerFacts, witnesses: rooms.witnesses.status() },
      caFingerprint: identity.authority.fingerprint,
      connected: transport.connected,
      integrity: [...integrity.values()],
      ingest: {
        ...ingest.counters,
        quarantined: Object.values(ingest.counters.quarantined).reduce((sum, count) => sum + count, 0),
      },
    }),
  })
  return transport
}
