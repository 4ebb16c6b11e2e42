// SPDX-License-Identifier: Apache-2.0

import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { systemDisk } from '@sealwatch/base'
import { cliError } from '../errors.ts'
import { readJsonFile } from '../json-file.ts'

/** Throws CLI_PORT_TAKEN, which names a free one, or CLI_ADDRESS. */
export async function requireFreePort(host: string, port: number): Promise<void> {
  try {
    await tryPort(host, port)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EADDRNOTAVAIL')
      throw cliError('CLI_ADDRESS', { attempted: `listening on ${host}:${port}`, received: host, cause })
    const free = await anyPort(host)
    throw cliError('CLI_PORT_TAKEN', {
      attempted: `listening on ${host}:${port}`,
      received: (cause as NodeJS.ErrnoException).code,
      advice: `Choose a free one: --port ${free}`,
      cause,
    })
  }
}

/** The port that is wanted, where it is free, else one that is. */
export const preferPort = (host: string, port: number): Promise<number> =>
  tryPort(host, port).catch(() => anyPort(host))

/**
 * The port that is wanted, where it is free, else one that is; `path` keeps which it was, and that one is tried first, so that links
 * sent before lead somewhere. Who wants another port than then gets it.
 */
export async function keptPort(path: string, host: string, wanted: number): Promise<number> {
  const kept = await readJsonFile<{ readonly wanted: unknown; readonly port: unknown }>(path)
  const isKept =
    kept?.wanted === wanted && Number.isInteger(kept.port) && Number(kept.port) > 0 && Number(kept.port) < 65_536
  const before = isKept ? await tryPort(host, Number(kept.port)).catch(() => undefined) : undefined
  const port = before ?? (await preferPort(host, wanted))
  await systemDisk.replace(path, `${JSON.stringify({ wanted, port })}\n`, 0o600)
  return port
}

/** Below those that Linux gives to whoever asks for any: it stays free until it is taken, a moment later. */
const asked = { from: 10_240, to: 32_768 } as const
const triesMax = 20

async function anyPort(host: string): Promise<number> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    const port = randomInt(asked.from, asked.to)
    const free = await tryPort(host, port).catch(() => undefined)
    if (free !== undefined) return free
  }
  return tryPort(host, 0)
}

async function tryPort(host: string, port: number): Promise<number> {
  const server = createServer().listen({ host, port, exclusive: true })
  await once(server, 'listening')
  const { port: bound } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return bound
}
