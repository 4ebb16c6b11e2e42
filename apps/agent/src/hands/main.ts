// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import {
  callsOutward,
  confine,
  crashQuietly,
  createLog,
  dropPrivileges,
  giveBackMemory,
  messageOf,
  openBootClock,
  openPidfds,
  openServiceManager,
  placesOf,
  readConfig,
  refuseForeignEnvironment,
  systemClock,
  systemDisk,
} from '@sealwatch/base'
import { requireLinux } from '../platform.ts'
import { handsConfigPrefix, handsSettings } from './config.ts'
import { createHands } from './hands.ts'
import { createKiller } from './kill.ts'
import { listenForGuard } from './socket.ts'
import { createSpared } from './spare.ts'
import { openStanding } from './standing.ts'
import { warmUp } from './warm-up.ts'

// A log that cannot be written, on a full disk for one, is no reason to let go of anything.
process.stdout.on('error', () => undefined)
const log = createLog('hands', (line) => process.stdout.write(line), systemClock.nowMs)

/** PROC_PID_INIT_INO of <linux/proc_ns.h>. */
const firstPidNamespace = 'pid:[4026531836]'

try {
  requireLinux(process.platform)
  refuseForeignEnvironment(process.env)
  const config = readConfig(handsSettings, process.env, handsConfigPrefix)
  const { dataDir, runDir, authorityFile, guardUid } = config
  const manager = openServiceManager(process.env.NOTIFY_SOCKET, log)
  // Its folder belongs to root.
  flushCompileCache()
  const places = placesOf({ env: process.env, folders: [dataDir, runDir], files: [authorityFile] })
  confine(places, log, callsOutward)
  // Threads that work with files begin here: later ones would have the capability that this one keeps.
  await systemDisk.sizeOf(dataDir)
  dropPrivileges(config, ['CAP_KILL'])
  crashQuietly(log)
  process.umask(0o077)
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(name))
  // Its terminal may go; whoever says so of none would have ended it.
  process.on('SIGHUP', () => undefined)
  const bootNs = openBootClock()
  const spared = createSpared({ pid: process.pid, supervisor: config.supervised === 'true' ? process.ppid : undefined })
  const hands = createHands({
    standing: await openStanding({
      path: join(dataDir, 'standing-order.json'),
      authorityFile,
      disk: systemDisk,
      clock: systemClock,
      log,
    }),
    killer: createKiller({ open: openPidfds(), spared, bootNs }),
    spared,
    nonce: randomBytes(16).toString('hex'),
    isFirstNamespace: readlinkSync('/proc/self/ns/pid') === firstPidNamespace,
    bootNs,
    clock: systemClock,
    log,
  })
  warmUp()
  const socket = await listenForGuard({
    ...{ path: join(runDir, 'hands.sock'), guardUid, hands },
    ...{ bootNs, clock: systemClock, log },
  })
  manager.serving(systemClock, stop.signal)
  log.info('the hands wait for the guard')
  const stopped = new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }))
  await Promise.all([stopped, giveBackMemory({ clock: systemClock, log, keepsCode: true }, stop.signal)])
  socket.close()
  process.exit(0)
} catch (error) {
  log.critical(`the hands stop: ${messageOf(error)}`, { error })
  process.exit(1)
}
