// SPDX-License-Identifier: Apache-2.0
// The decoy of a drill: a service in a process of its own, with the client that services import. It does as it is told by
// its parent, and ends with it.

import { rmSync } from 'node:fs'
import process from 'node:process'
import { messageOf } from '@sealwatch/base'
import type { DecoyAnswer, DecoyOrder } from '../decoy-protocol.ts'
import { startDecoy } from './decoy.ts'

let decoy: ReturnType<typeof startDecoy> | undefined
let dir: string | undefined

async function obey(order: DecoyOrder): Promise<DecoyAnswer> {
  if (order.order === 'start') {
    dir = order.dir
    decoy = startDecoy(order)
  }
  if (decoy === undefined) throw new Error('it was not started')
  switch (order.order) {
    case 'send':
      return { answer: 'sent', submissions: await decoy.send(order.rows) }
    case 'leak':
      return { answer: 'leaked', leaked: decoy.leak() }
    case 'save':
      return { answer: 'saved', path: decoy.save() }
    case 'start':
      return { answer: 'key', ...decoy.key() }
    case 'rotate':
      return { answer: 'key', ...decoy.rotate() }
  }
}

process.on('message', (order: DecoyOrder) => {
  void obey(order)
    .catch((error: unknown): DecoyAnswer => ({ answer: 'failed', detail: messageOf(error) }))
    .then((answer) => process.send?.(answer, () => undefined))
})
// Whoever asks at a terminal for an end asks the parent.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
function end(): void {
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true, maxRetries: 20 })
  process.exit(0)
}
process.on('disconnect', end)
// The parent was over before this listened; what it had said by then comes first.
setImmediate(() => {
  if (!process.connected) end()
})
