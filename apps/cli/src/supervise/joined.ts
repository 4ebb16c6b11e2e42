// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemDisk } from '@sealwatch/base'
import { cliError } from '../errors.ts'
import { readJsonFile } from '../json-file.ts'
import { fileOf, type Place } from '../place.ts'

/** The server elsewhere that a machine has joined, and the tenant it belongs to there. */
export type Joined = {
  readonly host: string
  readonly port: number
  readonly tenant: string
  /** How the fingerprint of the deployment's CA begins, as the join token said (agent-protocol.md, 2.1). */
  readonly caPin: string
}

export const defaultPort = 7443

/** HOST, HOST:PORT, [IPv6]:PORT. */
export const serverForm = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?))(?::(\d{1,5}))?$/

/** Undefined where it is none. */
export function serverNamed(text: string): Pick<Joined, 'host' | 'port'> | undefined {
  const [, v6, name, port = String(defaultPort)] = serverForm.exec(text) ?? []
  const host = v6 ?? name
  return host === undefined || Number(port) < 1 || Number(port) > 65_535 ? undefined : { host, port: Number(port) }
}

export const serverText = ({ host, port }: Pick<Joined, 'host' | 'port'>): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`

export const readJoined = (place: Place): Promise<Joined | undefined> => readJsonFile<Joined>(fileOf.joined(place))

/** Writes down which server is joined, for this start and the next. Throws CLI_JOINED. */
export async function keepJoined(place: Place, joined: Joined): Promise<void> {
  if (existsSync(join(place.data, 'server/index.sqlite'))) throw otherKind(place, 'one of a server')
  await systemDisk.replace(fileOf.joined(place), `${JSON.stringify(joined)}\n`, 0o644)
}

/** Throws CLI_JOINED where the data directory is that of a machine that has joined a server. */
export async function refuseJoined(place: Place): Promise<void> {
  const joined = await readJoined(place)
  if (joined !== undefined) throw otherKind(place, `one that has joined ${serverText(joined)}`)
}

const otherKind = ({ data }: Place, received: string) =>
  cliError('CLI_JOINED', { attempted: `starting on ${data}`, received })
