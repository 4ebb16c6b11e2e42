// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import process from 'node:process'
import { supervisionFd } from '@sealwatch/contract'
import { handedMark, isSecretVariable, isSignerVariable } from '@sealwatch/keys'
import { fileOf, type Place } from '../place.ts'
import { type BuiltInLogin, dashboardOrigin, serverEnvOf } from './built-in-login.ts'
import type { Joined } from './joined.ts'
import type { ServiceView } from './layout.ts'
import { agentFlags, memoryEnv, plainFlags, serverFlags } from './node-start.ts'
import { oomScores } from './out-of-memory.ts'
import type { Part } from './part.ts'
import { serviceUsers } from './users.ts'

export type PartSettings = {
  readonly place: Place
  readonly view: ServiceView
  /** Folder of the program. */
  readonly root: string
  /** The server elsewhere that this machine has joined; undefined: a server runs here. */
  readonly joined: Joined | undefined
  /** For agents. */
  readonly address: string
  readonly port: number
  /** Of the API and the dashboard. */
  readonly apiPort: number
  /** Undefined: people sign in elsewhere. */
  readonly login: BuiltInLogin | undefined
  readonly watch: readonly string[]
  /** The supervisor's own environment: what an operator set for a part reaches it. */
  readonly env: Readonly<Record<string, string | undefined>>
}

const stopMs = 10_000
/** How the agent of this machine reaches a server that listens on all addresses. */
const ownAddress: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** The parts in the order they stop; they start together and wait for each other. */
export function partsOf(settings: PartSettings): readonly Part[] {
  const { joined, login } = settings
  const watching = [sensorPart(settings), agentPart(settings), guardPart(settings), handsPart(settings)]
  if (joined !== undefined) return watching
  return [...watching, ...(login === undefined ? [] : [devLoginPart(settings, login)]), serverPart(settings)]
}

function serverPart({ place, view, root, address, port, apiPort, login, env }: PartSettings): Part {
  const part = nodePart(
    'server',
    { place, view, root, env },
    {
      SEALWATCH_SERVER_DATA_DIR: join(view.data, 'server'),
      SEALWATCH_SERVER_RUN_DIR: join(place.run, 'server'),
      SEALWATCH_SERVER_HOST: address,
      SEALWATCH_SERVER_PORT: String(port),
      SEALWATCH_SERVER_API_PORT: String(apiPort),
      SEALWATCH_SERVER_UID: String(serviceUsers.server.uid),
      SEALWATCH_SERVER_GID: String(serviceUsers.server.gid),
      SEALWATCH_SERVER_RULES_DIR: [join(view.data, 'rules'), env.SEALWATCH_SERVER_RULES_DIR ?? ''].join(','),
      ...(login && serverEnvOf(login, apiPort)),
    },
    login && { SEALWATCH_SERVER_OIDC_CLIENT_SECRET: login.secret },
  )
  return { ...part, isService: true }
}

function devLoginPart({ place, view, root, apiPort, env }: PartSettings, login: BuiltInLogin): Part {
  return {
    name: 'dev-login',
    argv: view.wrap([process.execPath, ...plainFlags, join(root, 'apps/dev-login/src/main.ts')]),
    env: {
      ...plainEnv(env),
      SEALWATCH_DEV_LOGIN_PORT: String(login.port),
      SEALWATCH_DEV_LOGIN_ORIGIN: dashboardOrigin(apiPort),
      SEALWATCH_DEV_LOGIN_UID: String(serviceUsers.devLogin.uid),
      SEALWATCH_DEV_LOGIN_GID: String(serviceUsers.devLogin.gid),
    },
    secrets: { SEALWATCH_DEV_LOGIN_CLIENT_SECRET: login.secret },
    log: fileOf.log(place, 'dev-login'),
    stopMs,
    oomScore: 0,
  }
}

function agentPart({ place, view, root, joined, address, port, env }: PartSettings): Part {
  const server = joined ?? { host: ownAddress[address] ?? address, port }
  const part = nodePart(
    'agent',
    { place, view, root, env },
    {
      SEALWATCH_AGENT_DATA_DIR: join(view.data, 'agent'),
      SEALWATCH_AGENT_RUN_DIR: join(place.run, 'agent'),
      SEALWATCH_AGENT_SERVER_HOST: server.host,
      SEALWATCH_AGENT_SERVER_PORT: String(server.port),
      ...(joined && { SEALWATCH_AGENT_TENANT: joined.tenant }),
      SEALWATCH_AGENT_UID: String(serviceUsers.agent.uid),
      SEALWATCH_AGENT_GID: String(serviceUsers.agent.gid),
      SEALWATCH_AGENT_SUPERVISOR_FD: String(supervisionFd),
      SEALWATCH_AGENT_GUARD_SOCKET: fileOf.guardAgentSocket(place),
    },
  )
  return { ...part, hasLine: true }
}

function guardPart({ place, view, root, joined, env }: PartSettings): Part {
  const part = nodePart(
    'guard',
    { place, view, root, env },
    {
      SEALWATCH_GUARD_DATA_DIR: join(view.data, 'guard'),
      SEALWATCH_GUARD_RUN_DIR: join(place.run, 'guard'),
      SEALWATCH_GUARD_LOCAL_FILE: join(view.data, 'guard.json'),
      SEALWATCH_GUARD_AUTHORITY_FILE: authorityFile(view, joined),
      SEALWATCH_GUARD_HOST_KEY: join(view.data, 'agent/host.key'),
      SEALWATCH_GUARD_HANDS_SOCKET: fileOf.handsSocket(place),
      ...(joined && { SEALWATCH_GUARD_TENANT: joined.tenant }),
      SEALWATCH_GUARD_AGENT_UID: String(serviceUsers.agent.uid),
      SEALWATCH_GUARD_AGENT_GID: String(serviceUsers.agent.gid),
      SEALWATCH_GUARD_UID: String(serviceUsers.guard.uid),
      SEALWATCH_GUARD_GID: String(serviceUsers.guard.gid),
    },
  )
  return { ...part, isForemost: true }
}

function handsPart({ place, view, root, joined, env }: PartSettings): Part {
  const part = nodePart(
    'hands',
    { place, view, root, env },
    {
      SEALWATCH_HANDS_DATA_DIR: join(view.data, 'hands'),
      SEALWATCH_HANDS_RUN_DIR: join(place.run, 'hands'),
      SEALWATCH_HANDS_AUTHORITY_FILE: authorityFile(view, joined),
      SEALWATCH_HANDS_GUARD_UID: String(serviceUsers.guard.uid),
      SEALWATCH_HANDS_UID: String(serviceUsers.hands.uid),
      SEALWATCH_HANDS_GID: String(serviceUsers.hands.gid),
      SEALWATCH_HANDS_SUPERVISED: 'true',
    },
  )
  return { ...part, isForemost: true }
}

/** Where root was told which CA speaks for the server: there once this machine has begun, or joined. */
const authorityFile = (view: ServiceView, joined: Joined | undefined): string =>
  join(view.data, joined === undefined ? 'trust.json' : 'joined.json')

function sensorPart({ place, root, watch, env }: PartSettings): Part {
  const without = (env.SEALWATCH_SENSOR_WITHOUT ?? '').split(',').filter((site) => site !== '')
  const argv = [
    join(root, 'apps/sensor/build/sensor'),
    ...['--socket', fileOf.sensorSocket(place)],
    ...['--guard-socket', fileOf.guardSensorSocket(place)],
    ...['--instance', place.name],
    ...['--supervisor', String(process.pid)],
    ...[place.data, fileOf.handsSocket(place), fileOf.guardProtectSocket(place)].flatMap((path) => ['--own', path]),
    ...['--uid', String(serviceUsers.sensor.uid), '--gid', String(serviceUsers.sensor.gid)],
    ...(['processes', 'files', 'network'] as const).flatMap((domain) => modeOf(domain, env)),
    ...(env.SEALWATCH_GUARD_POLL_MS ? ['--guard-poll-ms', env.SEALWATCH_GUARD_POLL_MS] : []),
    ...(env.SEALWATCH_SENSOR_SOCKET_POLL_MS ? ['--socket-poll-ms', env.SEALWATCH_SENSOR_SOCKET_POLL_MS] : []),
    ...without.flatMap((site) => ['--without', site]),
    ...watch.flatMap((path) => ['--watch', path]),
    ...['--watch-file', fileOf.toldWatchList(place)],
  ]
  return {
    name: 'sensor',
    argv,
    env: plainEnv(env),
    log: fileOf.log(place, 'sensor'),
    stopMs,
    oomScore: oomScores.sensor,
    isForemost: true,
  }
}

/** The sensor takes the best that works, unless somebody wants another (docs/fallbacks.md). */
function modeOf(domain: 'processes' | 'files' | 'network', env: PartSettings['env']): string[] {
  const mode = env[`SEALWATCH_SENSOR_${domain.toUpperCase()}`] ?? ''
  return mode === '' ? [] : [`--${domain}`, mode]
}

/** Each below `apps`. */
const programs = {
  server: { main: 'server/src/main.ts', flags: serverFlags },
  agent: { main: 'agent/src/main.ts', flags: agentFlags },
  guard: { main: 'agent/src/guard/main.ts', flags: agentFlags },
  hands: { main: 'agent/src/hands/main.ts', flags: agentFlags },
} as const

type NodePartSettings = Pick<PartSettings, 'place' | 'view' | 'root' | 'env'>

function nodePart(
  name: keyof typeof programs,
  settings: NodePartSettings,
  own: Record<string, string>,
  ownSecrets?: Record<string, string>,
): Part {
  const { place, view, root, env } = settings
  const prefix = `SEALWATCH_${name.toUpperCase()}_`
  // The server alone signs for the deployment, so it alone is told how; and it alone may have others of its kind.
  const isForServer = (key: string) => isSignerVariable(key) || serverVariables.includes(key)
  const isForPart = (key: string) => key.startsWith(prefix) || (name === 'server' && isForServer(key))
  const isSet = (key: string) => isForPart(key) && isSecretVariable(key) && env[key] !== ''
  const secrets = { ...operatorsEnv(env, isSet), ...ownSecrets }
  const { main, flags } = programs[name]
  const hasSecrets = Object.keys(secrets).length > 0
  return {
    name,
    argv: view.wrap([process.execPath, ...flags, join(root, 'apps', main)]),
    env: {
      ...plainEnv(env),
      ...memoryEnv,
      ...operatorsEnv(env, (key) => isForPart(key) && !isSecretVariable(key) && !Object.hasOwn(handedMark, key)),
      ...(hasSecrets ? handedMark : {}),
      ...own,
    },
    secrets: hasSecrets ? secrets : undefined,
    log: fileOf.log(place, name),
    stopMs,
    oomScore: oomScores[name],
  }
}

/** Known by others under these names. */
const serverVariables: readonly string[] = [
  'REPLICA_COUNT',
  'REDIS_URL',
  'STRICT_SIGNATURES',
  'STRICT_SIGNATURES_ACKNOWLEDGEMENT',
]
const inherited = ['PATH', 'LANG', 'TZ', 'NODE_COMPILE_CACHE']

/** What an operator set for a program reaches it. */
export const operatorsEnv = (env: PartSettings['env'], isFor: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => isFor(entry[0]) && entry[1] !== undefined),
  )

/** Of the starter's environment only what is harmless: a stray NODE_OPTIONS or LD_PRELOAD ends here. */
export const plainEnv = (env: PartSettings['env']): Record<string, string> =>
  Object.fromEntries(inherited.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
