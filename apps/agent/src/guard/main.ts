// SPDX-License-Identifier: Apache-2.0

import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import {
  confine,
  crashQuietly,
  createLog,
  dropPrivileges,
  messageOf,
  openServiceManager,
  placesOf,
  readConfig,
  refuseForeignEnvironment,
  systemClock,
  systemDisk,
} from '@sealwatch/base'
import { requireLinux } from '../platform.ts'
import { readBootNs, readProcesses } from '../sources/proc-snapshot.ts'
import { guardConfigPrefix, guardSettings } from './config.ts'
import { runGuard } from './guard.ts'
import { readHostKey } from './host-key.ts'
import { machineMountNamespace, unknownNamespace } from './mount-namespace.ts'

// A log that cannot be written, on a full disk for one, is no reason to stop guarding.
process.stdout.on('error', () => undefined)
const log = createLog('guard', (line) => process.stdout.write(line), systemClock.nowMs)

try {
  requireLinux(process.platform)
  refuseForeignEnvironment(process.env)
  const config = readConfig(guardSettings, process.env, guardConfigPrefix)
  const { dataDir, runDir, localFile, authorityFile, handsSocket, agentUid, agentGid } = config
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(name))
  // Its terminal may go; whoever says so of none would have ended it.
  process.on('SIGHUP', () => undefined)
  const manager = openServiceManager(process.env.NOTIFY_SOCKET, log)
  const seen = { rows: readProcesses(), atBootNs: readBootNs() }
  const hostMntNs = machineMountNamespace(config.mountNamespaceFile)
  if (hostMntNs === unknownNamespace)
    log.error('the mount namespace of this machine is not known: whom a path lets is not let', {
      file: config.mountNamespaceFile,
    })
  const signer = await readHostKey(config.hostKey, { uid: agentUid, gid: agentGid }, systemClock, stop.signal)
  if (signer === undefined) process.exit(0)
  // Its folder belongs to root.
  flushCompileCache()
  const files = [localFile, authorityFile, handsSocket]
  // What is protected may lie anywhere, and is looked at as far as the guard's user may.
  confine(placesOf({ env: process.env, folders: [dataDir, runDir], files, read: ['/'] }), log)
  dropPrivileges(config)
  crashQuietly(log)
  process.umask(0o077)
  await runGuard({
    config,
    paths: {
      chains: join(dataDir, 'chains'),
      configuration: join(dataDir, 'configuration.json'),
      commandKey: join(dataDir, 'command.key'),
      agentSocket: join(runDir, 'agent.sock'),
      sensorSocket: join(runDir, 'sensor.sock'),
      protectSocket: join(runDir, 'protect.sock'),
    },
    signer,
    seen,
    hostMntNs,
    pid: process.pid,
    supervisorPid: process.ppid,
    onListening: () => manager.serving(systemClock, stop.signal),
    clock: systemClock,
    disk: systemDisk,
    log,
    signal: stop.signal,
  })
  process.exit(0)
} catch (error) {
  log.critical(`the guard stops: ${messageOf(error)}`, { error })
  process.exit(1)
}
