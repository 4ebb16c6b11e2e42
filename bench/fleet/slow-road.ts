// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

const stepsPerSecond = 20

/** Listens, on a port that it returns, for connections that it takes on to `port`, so many bytes a second each way. */
export async function slowRoad(port: number, bytesPerSecond: number): Promise<number> {
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    carry(near, far, bytesPerSecond)
    carry(far, near, bytesPerSecond)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function carry(from: Socket, to: Socket, bytesPerSecond: number): void {
  const timer = setInterval(() => {
    const step = Math.ceil(bytesPerSecond / stepsPerSecond)
    const piece = from.read(Math.min(from.readableLength, step)) as Buffer | null
    if (piece !== null) to.write(piece)
  }, 1000 / stepsPerSecond)
  // Reading begins where somebody listens.
  from.on('readable', () => undefined)
  from.on('error', () => undefined)
  from.on('close', () => {
    clearInterval(timer)
    to.destroy()
  })
}
