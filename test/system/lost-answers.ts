// SPDX-License-Identifier: Apache-2.0

import { mkdirSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { dirname } from 'node:path'

/**
 * A control socket at `path` before the one at `target`: what is asked is done, and the answer is lost where `isLost` says
 * so. Told are what changes something: "POST /api/v1/…".
 */
export async function losingAnswers(
  path: string,
  target: string,
  isLost: (asked: string) => boolean,
): Promise<AsyncDisposable> {
  mkdirSync(dirname(path), { recursive: true })
  const proxy = createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming
    const up = request({ socketPath: target, method, path: url, headers, agent: false }, (answer) => {
      if (method === 'GET' || !isLost(`${method} ${url}`)) {
        outgoing.writeHead(answer.statusCode ?? 0, answer.headers)
        answer.pipe(outgoing)
      } else answer.resume().once('end', () => incoming.socket.destroy())
    })
    up.once('error', () => incoming.socket.destroy())
    incoming.pipe(up)
  })
  await new Promise<void>((listening) => proxy.listen(path, listening))
  return {
    [Symbol.asyncDispose]: async () => {
      proxy.closeAllConnections()
      await new Promise((closed) => proxy.close(closed))
    },
  }
}
