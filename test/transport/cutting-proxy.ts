// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { atEnd } from './at-end.ts'

/** A wire that is cut after given numbers of bytes; what was under way on it is lost. */
export type CuttingProxy = { readonly url: string; cut(): void }

/** Each connection carries as many bytes up as the next of `lengths` says, and any number once these are used up. */
export async function cuttingProxy(t: TestContext, serverPort: number, lengths: number[] = []): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((down) => {
    let left = lengths.shift() ?? Number.POSITIVE_INFINITY
    const up = connect(serverPort, '127.0.0.1')
    const end = () => {
      down.destroy()
      up.destroy()
    }
    for (const socket of [down, up]) {
      sockets.add(socket)
      socket.on('error', end).on('close', end)
      socket.once('close', () => sockets.delete(socket))
    }
    up.pipe(down)
    down.on('data', (bytes: Buffer) => {
      up.write(bytes.subarray(0, left))
      left -= bytes.length
      if (left <= 0) end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  atEnd(t, () => {
    cut()
    server.close()
  })
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, cut }
}
