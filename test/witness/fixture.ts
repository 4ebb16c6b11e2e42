// SPDX-License-Identifier: Apache-2.0
// Witnesses over real HTTP in this process, and servers that only pretend to be some.

import { mkdtempDisposable } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog, systemClock, systemDisk } from '@sealwatch/base'
import {
  addLog,
  initWitness,
  openWitness,
  type Witness,
  type WitnessPlaces,
  witnessPlaces,
} from '@sealwatch/ledger/witness'
import { createClients } from '../../apps/witness/src/clients.ts'
import { type Listener, type ListenerOptions, listen } from '../../apps/witness/src/listener.ts'

export type Served = AsyncDisposable & {
  readonly url: string
  readonly places: WitnessPlaces
  readonly witness: Witness
  readonly listener: Listener
  readonly fatal: readonly unknown[]
}

export const quiet = createLog(
  'test',
  () => undefined,
  () => 0,
)

export async function serveWitness(
  name: string,
  logs: readonly { readonly origin: string; readonly vkey: string }[],
  overrides: Partial<ListenerOptions> = {},
): Promise<Served> {
  const dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-witness-'))
  const places = witnessPlaces(dir.path)
  await initWitness(systemDisk, places, name)
  for (const { origin, vkey } of logs) await addLog(systemDisk, places, origin, [vkey])
  const witness = await openWitness({ disk: systemDisk, places, clock: systemClock, log: quiet })
  const fatal: unknown[] = []
  const listener = await listen({
    witness,
    address: '127.0.0.1',
    port: 0,
    tls: undefined,
    connections: 256,
    clients: createClients(systemClock, { perSecond: 10_000, connections: 256 }),
    onFatal: (error) => fatal.push(error),
    ...overrides,
  })
  return {
    url: listener.url,
    places,
    witness,
    listener,
    fatal,
    [Symbol.asyncDispose]: async () => {
      await listener.close()
      await dir.remove()
    },
  }
}

/** An HTTP server that answers as `answer` says. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<AsyncDisposable & { readonly url: string; readonly asked: () => number }> {
  let asked = 0
  const server = createServer((request, response) => {
    asked += 1
    answer(request, response)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}
