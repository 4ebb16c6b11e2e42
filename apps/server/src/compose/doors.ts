// SPDX-License-Identifier: Apache-2.0

import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { authenticateNetwork, authenticateOperator, httpApp, openHttpDoor, readSession } from '../api/index.ts'
import { addHealth } from '../health.ts'
import { openTransport } from '../ingest/index.ts'
import type { Tenants } from '../tenants/index.ts'
import { serverVersion } from '../version.ts'
import type { Followers } from './followers.ts'
import type { Rooms } from './rooms.ts'

export type Doors = {
  /** Where people and their programs come in. */
  readonly apiUrl: string
  /** Where agents come in. */
  readonly port: number
  /** Rejects when this process must not go on. Never resolves. */
  readonly failed: Promise<never>
}

export async function openDoors(
  rooms: Rooms,
  { followers: { integrity }, tenants }: { readonly followers: Followers; readonly tenants: Tenants },
  ends: AsyncDisposableStack,
): Promise<Doors> {
  const { config, api, health, store, ledgers, indexed, side, identity, ingest, tender, erasures, sealing } = rooms
  const names = [...new Set([config.host, '127.0.0.1', 'localhost', hostname()])]
  const opening = openTransport({ ...rooms, address: config.host, port: config.port, names })
  ends.defer(api.close)
  const transport = ends.adopt(await opening, ({ close }) => close())
  addHealth(health, { ...rooms, integrity, transport })
  const http = {
    ...rooms,
    tenants,
    version: serverVersion,
    limits: { perAddress: config.apiPerAddress, perTenant: config.apiPerTenant },
  }
  const network = httpApp(
    http,
    authenticateNetwork(
      rooms.access.tokens,
      readSession(rooms.signIn, () => rooms.origin.url),
    ),
  )
  const operator = httpApp({ ...http, dashboard: undefined }, authenticateOperator)
  for (const app of [network, operator]) {
    ends.defer(() => app.close())
    await app.ready()
  }
  const credentials = async () => identity.authority.issueServer([...names, config.apiAddress])
  const place = { address: config.apiAddress, port: config.apiPort }
  const door = ends.adopt(await openHttpDoor({ ...place, handle: network.routing, credentials }), ({ close }) =>
    close(),
  )
  rooms.origin.url ||= door.url
  const { backend, algorithm, keyId, location } = rooms.auditSigner
  const signerFacts = { configured: rooms.signers.active !== undefined, backend, algorithm, keyId, location }
  api.serve({
    ...rooms,
    db: store.db,
    indexDb: store.index,
    index: indexed,
    openSide: side.open,
    rest: operator.routing,
    keys: { ...tender, ...erasures, status: () => sealing.status() },
    breakGlass: () => rooms.signIn.breakGlass.waiting(),
    createJoinToken: (tenant, ttlSeconds) =>
      identity.createJoinToken({ name: 'operator:root', requestId: randomUUID() }, tenant, ttlSeconds),
    facts: () => ({
      deployment: rooms.deployment.name,
      health: rooms.healthUrl,
      api: door.url,
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
  return { port: transport.port, apiUrl: door.url, failed: transport.failed }
}
