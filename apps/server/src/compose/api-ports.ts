// SPDX-License-Identifier: Apache-2.0

import { type ApiPorts, createHostBook, exportRecorder, revealRecorder } from '../api/index.ts'
import { createEvictKeys, createRotateKeys } from '../custody/index.ts'
import { wrongRules } from '../detect/index.ts'
import { caStateOf } from '../identity/index.ts'
import type { Transport } from '../ingest/index.ts'
import { judgingAhead } from '../trust/index.ts'
import type { Followers } from './followers.ts'
import type { Rooms } from './rooms.ts'

/** What the API needs of the rooms, whichever door it is asked through. */
export function apiPorts(
  rooms: Rooms,
  { integrity, transport, apiUrl }: Pick<Followers, 'integrity'> & { transport: Transport; apiUrl: () => string },
): ApiPorts {
  const { store, ledgers, indexed, side, identity, tender, erasures, sealing, clock, deployment } = rooms
  const { backend, algorithm, keyId, location } = rooms.auditSigner
  const signer = { configured: rooms.signers.active !== undefined, backend, algorithm, keyId, location }
  return {
    ...rooms,
    gate: rooms.access.gate,
    db: store.db,
    indexDb: store.index,
    index: indexed,
    openSide: side.open,
    hostBook: createHostBook({ db: store.db, clock, edition: () => transport.chainsBound }),
    recordExport: exportRecorder(rooms),
    recordReveal: revealRecorder(rooms),
    keys: {
      ...tender,
      ...erasures,
      evict: createEvictKeys(rooms),
      rotate: createRotateKeys(rooms),
      status: () => sealing.status(),
    },
    judgingAhead: () => judgingAhead({ keys: rooms.keyRegistry, clock: rooms.clock }),
    breakGlass: () => rooms.signIn.breakGlass.waiting(),
    createJoinToken: identity.createJoinToken,
    revokeHost: identity.hosts.revoke,
    deniedSince: identity.hosts.deniedSince,
    presenceOf: rooms.presence.of,
    configOf: rooms.configs.stateOf,
    orderOf: rooms.orders.stateOf,
    reachesOf: rooms.configs.reachesOf,
    drifting: () => rooms.configs.drifting,
    facts: () => {
      const { quarantined, unverified: _, ...rows } = rooms.rowBook.total()
      return {
        deployment: deployment.name,
        health: rooms.healthUrl,
        api: apiUrl(),
        agents: { address: rooms.config.host, port: transport.port },
        hardening: rooms.hardening,
        ledgerKeys: [ledgers.vkey],
        signing: { ...ledgers.health, signer, witnesses: rooms.witnesses.status() },
        caFingerprint: identity.authority.fingerprint,
        ca: caStateOf(identity.authority, rooms.clock.nowMs()),
        connected: transport.connected,
        integrity: [...integrity.values()],
        quarantine: Array.from(rooms.quarantine.room, ([tenant, { items }]) => {
          const waiting = Object.values(rooms.quarantine.waiting.get(tenant) ?? {})
          return { tenant, items, rows: waiting.reduce((sum, count) => sum + count, 0) }
        }).filter(({ items }) => items > 0),
        strictOff: rooms.strictness.off().map(({ tenant, endsAt }) => ({ tenant, endsAt })),
        wrongRules: wrongRules(rooms),
        trustStore: rooms.trustStore.state ?? null,
        ingest: { ...rows, quarantined: Object.values(quarantined).reduce((sum, count) => sum + count, 0) },
      }
    },
  }
}
