// SPDX-License-Identifier: Apache-2.0

import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import {
  confine,
  crashQuietly,
  createBell,
  createLog,
  dropPrivileges,
  messageOf,
  openServiceManager,
  placesOf,
  readConfig,
  refuseForeignEnvironment,
  systemClock,
  systemDisk,
  systemRandom,
  together,
} from '@sealwatch/base'
import { runAgent } from './agent.ts'
import { agentConfigPrefix, agentSettings } from './config.ts'
import { requireLinux } from './platform.ts'
import { readBootNs, readProcesses } from './sources/proc-snapshot.ts'
import { supervisorSocket } from './sources/supervisor-line.ts'

// A log that cannot be written, on a full disk for one, is no reason to stop watching.
process.stdout.on('error', () => undefined)
const log = createLog('agent', (line) => process.stdout.write(line), systemClock.nowMs)

try {
  requireLinux(process.platform)
  refuseForeignEnvironment(process.env)
  const config = readConfig(agentSettings, process.env, agentConfigPrefix)
  const manager = openServiceManager(process.env.NOTIFY_SOCKET, log)
  const seenAtBootNs = readBootNs()
  const processes = readProcesses()
  // Its folder belongs to root.
  flushCompileCache()
  const { dataDir, runDir } = config
  // What is started may lie anywhere, and its image is hashed: as far as the agent's user may read it.
  const confined = confine(placesOf({ env: process.env, folders: [dataDir, runDir], read: ['/'] }), log)
  dropPrivileges(config)
  const hardening = together(confined, crashQuietly(log))
  process.umask(0o077)
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(name))
  const reload = createBell()
  process.on('SIGHUP', reload.ring)
  await runAgent({
    config,
    paths: {
      chains: join(dataDir, 'chains'),
      signingKey: join(dataDir, 'host.key'),
      identity: join(dataDir, 'identity.pem'),
      configuration: join(dataDir, 'configuration.json'),
      joinToken: join(dataDir, 'join-token'),
      posture: join(dataDir, 'posture.json'),
      sensorSocket: join(runDir, 'sensor.sock'),
      status: join(runDir, 'status.json'),
      toldChanges: join(dataDir, 'told-changes'),
      baseline: join(dataDir, 'baseline.json'),
    },
    processes,
    seenAtBootNs,
    pid: process.pid,
    supervisor: {
      pid: process.ppid,
      socket: config.supervisorFd === 0 ? undefined : supervisorSocket(config.supervisorFd),
    },
    hardening,
    onListening: () => manager.serving(systemClock, stop.signal),
    clock: systemClock,
    disk: systemDisk,
    random: systemRandom,
    reload,
    log,
    signal: stop.signal,
  })
  process.exit(0)
} catch (error) {
  log.critical(`the agent stops: ${messageOf(error)}`, { error })
  process.exit(1)
}
