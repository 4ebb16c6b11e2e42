// SPDX-License-Identifier: Apache-2.0

import { noProxies, readProxies } from '@sealwatch/base'
import type { Principal } from '../access/index.ts'
import { createGuesses } from '../access/index.ts'
import {
  authenticateNetwork,
  authenticateOperator,
  bearerReader,
  checkForm,
  createFeed,
  createSockets,
  httpApp,
  openHttpDoor,
  readSession,
  serveUpgrades,
} from '../api/index.ts'
import {
  addCaHealth,
  addCertificateHealth,
  addConfigHealth,
  addConnectionHealth,
  addFeedHealth,
  addHealth,
  addPresenceHealth,
} from '../health.ts'
import { openTransport } from '../ingest/index.ts'
import { addRowHealth } from '../row-health.ts'
import { serverNames } from '../server-names.ts'
import type { Tenants } from '../tenants/index.ts'
import { addClockHealth, addStrictHealth, addTrustRootHealth } from '../trust/index.ts'
import { serverVersion } from '../version.ts'
import { apiPorts } from './api-ports.ts'
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
  { followers: { integrity, unkept }, tenants }: { readonly followers: Followers; readonly tenants: Tenants },
  ends: AsyncDisposableStack,
): Promise<Doors> {
  const { config, api, health, identity } = rooms
  const proxies = readProxies(config.trustedProxies) ?? noProxies
  const names = serverNames(config)
  const guesses = createGuesses({ ...rooms, failed: rooms.signIn.failed })
  const { failed } = rooms.signIn
  const opening = openTransport({
    ...rooms,
    gate: rooms.access.gate,
    ingest: rooms.admission,
    submissions: {
      rows: rooms.rows,
      certificates: rooms.trust.certificates,
      readBearer: bearerReader(rooms.access.tokens, guesses),
    },
    address: config.host,
    port: config.port,
    names,
    connectionsMax: { perAddress: config.connectionsPerAddress, perSender: config.connectionsPerSender },
    onGuess: (guess) => failed.note({ ...guess, personId: undefined }),
  })
  ends.defer(api.close)
  const transport = ends.adopt(await opening, ({ close }) => close())
  addHealth(health, { ...rooms, integrity, transport })
  addTrustRootHealth(health, rooms.trustRoots, rooms.clock)
  addStrictHealth(health, rooms.strictness)
  addClockHealth(health, { keys: rooms.keyRegistry, clock: rooms.clock })
  addRowHealth(health, { ...rooms, unkept, isStrict: rooms.strictness.isStrict })
  let apiUrl = ''
  const ports = apiPorts(rooms, { integrity, transport, apiUrl: () => apiUrl })
  const feed = createFeed({
    ports,
    gate: rooms.access.gate,
    limits: { perTenant: config.feedPerTenant, perPrincipal: config.feedPerPrincipal },
    clock: rooms.clock,
    log: rooms.log,
  })
  addPresenceHealth(health, rooms.presence)
  addConfigHealth(health, rooms.configs)
  addFeedHealth(health, feed)
  const listening = { feed, sockets: createSockets(rooms.clock), isLive: livenessOf(rooms) }
  const http = {
    ...rooms,
    listening,
    tenants,
    api: ports,
    version: serverVersion,
    limits: {
      perAddress: config.apiPerAddress,
      perTenant: config.apiPerTenant,
      atOncePerTenant: config.apiAtOncePerTenant,
    },
  }
  const network = httpApp(
    { ...http, proxies, checkForm: (request) => checkForm(request, rooms.origin.url, proxies) },
    authenticateNetwork(
      rooms.access.tokens,
      readSession(rooms.signIn, () => rooms.origin.url),
      guesses,
      proxies,
    ),
  )
  const operator = httpApp({ ...http, dashboard: undefined }, authenticateOperator(rooms.registry))
  for (const app of [network, operator]) {
    ends.defer(() => app.close())
    await app.ready()
  }
  const credentials = async () => identity.authority.issueServer([...names, config.apiAddress])
  const bounds = { connectionsOfAddressMax: config.apiConnectionsPerAddress }
  const place = {
    address: config.apiAddress,
    port: config.apiPort,
    proxies,
    bounds,
    clock: rooms.clock,
    log: rooms.log,
  }
  const door = ends.adopt(await openHttpDoor({ ...place, handle: network.routing, credentials }), ({ close }) =>
    close(),
  )
  addCertificateHealth(health, rooms.clock, () => ({ agents: transport.certificate, api: door.certificate }))
  addCaHealth(health, rooms.clock, identity.authority)
  addConnectionHealth(health, { api: door.connections, transport })
  serveUpgrades(door.server, network.routing)
  const over = new AbortController()
  const telling = feed.run(over.signal)
  // Those who listen are told before the door closes.
  ends.defer(async () => {
    over.abort()
    await telling
  })
  rooms.origin.url ||= door.url
  apiUrl = door.url
  api.serve(ports, operator.routing)
  return { port: transport.port, apiUrl, failed: transport.failed }
}

/** Whether the session or the token that a socket came with still counts. */
const livenessOf =
  ({ access, signIn }: Rooms) =>
  (principal: Principal): boolean => {
    if (principal.kind === 'machine') return access.tokens.isLive(principal.tenant, principal.id)
    return principal.kind !== 'person' || signIn.sessions.isLive(principal.session)
  }
