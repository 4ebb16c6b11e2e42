// SPDX-License-Identifier: Apache-2.0

import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { shellWord } from './terminal.ts'

/** Where one instance lives: what must last, and what ends with the machine's run. */
export type Place = {
  /** Absolute, symbolic links resolved. */
  readonly data: string
  readonly run: string
  /** First 12 hex digits of SHA-256 over `data`: the instance's name. */
  readonly name: string
}

export const defaultDataDir = '/var/lib/sealwatch'
export const defaultRunRoot = '/run/sealwatch'

export function placeOf(dataDir: string | undefined, runRoot = defaultRunRoot): Place {
  const data = realPathOf(resolve(dataDir ?? defaultDataDir))
  const name = createHash('sha256').update(data).digest('hex').slice(0, 12)
  return { data, run: join(runRoot, name), name }
}

/** The data directory may not exist yet; the part of its path that does is resolved. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(realPathOf(parent), basename(path))
  }
}

export const fileOf = {
  instance: (place: Place) => join(place.data, 'instance.json'),
  trust: (place: Place) => join(place.data, 'trust.json'),
  /** The server elsewhere that this machine has joined. */
  joined: (place: Place) => join(place.data, 'joined.json'),
  /** Where the API and the dashboard were last. */
  apiPort: (place: Place) => join(place.data, 'api-port.json'),
  lock: (place: Place) => join(place.data, 'lock'),
  /** What the server told the host to watch, for the sensor. */
  toldWatchList: (place: Place) => join(place.data, 'watch.told'),
  agentConfiguration: (place: Place) => join(place.data, 'agent', 'configuration.json'),
  /** What it was told of files since the last look at them. */
  toldChanges: (place: Place) => join(place.data, 'agent', 'told-changes'),
  baselineFolder: (place: Place) => join(place.data, 'baseline'),
  /** What a look found, until it is sealed. */
  baselineResult: (place: Place) => join(place.data, 'baseline', 'result.json'),
  agentIdentity: (place: Place) => join(place.data, 'agent', 'identity.pem'),
  watchList: (place: Place) => join(place.data, 'watch.list'),
  /** All that the sensor's unit watches, and the variable that says so to the unit. */
  unitWatchList: (place: Place) => join(place.data, 'watch.unit'),
  unitWatchVariable: (place: Place) => join(place.data, 'watch.env'),
  log: (place: Place, part: string) => join(place.data, 'log', `${part}.log`),
  supervisor: (place: Place) => join(place.run, 'supervisor.json'),
  /** The same, for when RUN is gone or full. */
  supervisorCopy: (place: Place) => join(place.data, 'supervisor.json'),
  agentStatus: (place: Place) => join(place.run, 'agent', 'status.json'),
  sensorSocket: (place: Place) => join(place.run, 'agent', 'sensor.sock'),
  apiSocket: (place: Place) => join(place.run, 'server', 'api.sock'),
  canary: (place: Place) => join(place.run, 'canary'),
  /** What root says of the guard where no server does. */
  guardSettings: (place: Place) => join(place.data, 'guard.json'),
  /** Where the sensor tells the guard at once what concerns protected processes. */
  guardSensorSocket: (place: Place) => join(place.run, 'guard', 'sensor.sock'),
  /** Where processes ask to be protected. */
  guardProtectSocket: (place: Place) => join(place.run, 'guard', 'protect.sock'),
  /** Where the agent takes what the guard has sealed. */
  guardAgentSocket: (place: Place) => join(place.run, 'guard', 'agent.sock'),
  /** Where the guard orders what the hands do. */
  handsSocket: (place: Place) => join(place.run, 'hands', 'hands.sock'),
} as const

/** What to add to a command shown to a person, so that it finds the same instance. */
export function dataFlag({ data }: Pick<Place, 'data'>): string {
  return data === defaultDataDir ? '' : ` --data ${shellWord(data)}`
}

/** For whoever finds no instance on this data directory. */
export const startAdvice = (place: Pick<Place, 'data'>): string =>
  `Start it with: sudo ./sealwatch up --detach${dataFlag(place)}`
