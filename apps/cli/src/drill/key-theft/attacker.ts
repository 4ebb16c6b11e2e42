// SPDX-License-Identifier: Apache-2.0
// An attacker of the drill key-theft: goes one way to the memory of the decoy, by system calls of its own, and reads on until it is ended.

import process from 'node:process'
import { messageOf, openBootClock, systemClock } from '@sealwatch/base'
import { openLibc } from '@sealwatch/base/libc'
import { attacks } from './attacks.ts'
import type { AttackOrder } from './protocol.ts'
import { endWith } from './stay-with.ts'
import { writeLine } from './write-line.ts'

const PR_SET_NAME = 15
const commBytes = 16
/** Nobody came: whoever started it ends it then. */
const lastsMs = 60_000

process.on('message', (order: AttackOrder | 'go') => {
  if (order === 'go') return begin()
  const libc = openLibc()
  endWith(order.runner, libc)
  process.title = order.calls
  const comm = new Uint8Array(commBytes)
  comm.set(Buffer.from(order.calls).subarray(0, commBytes - 1))
  libc.syscall('prctl', process.arch === 'x64' ? 157 : 167, PR_SET_NAME, libc.pointerTo(comm))
  const bootNs = openBootClock()
  const attack = attacks[order.way]({ libc, ...order })
  begin = () => {
    try {
      attack.prepare?.()
      writeLine(`at ${bootNs()}`)
      attack.act((bytes) => writeLine(`bytes ${bytes}`))
    } catch (error) {
      writeLine(`error ${messageOf(error)}`)
    }
  }
  process.send?.('ready', () => undefined)
})
let begin: () => void = () => undefined
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
process.on('disconnect', () => process.exit(0))
void systemClock.sleep(lastsMs).then(() => process.exit(0))
