// SPDX-License-Identifier: Apache-2.0

import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import {
  crashQuietly,
  createLog,
  dropPrivileges,
  messageOf,
  readConfig,
  systemClock,
  systemDisk,
  systemRandom,
} from '@sealwatch/base'
import { runAgent } from './agent.ts'
import { agentConfigPrefix, agentSettings } from './config.ts'

import { readBootNs, readProcesses } from './sources/proc-snapshot.ts'

// A log that cannot be written, on a full disk for one, is no reason to stop watching.
process.stdout.on('error', () => undefined)
const log = createLog('agent', (line) => process.stdout.write(line), systemClock.nowMs)

try {
  const config = readConfig(agentSettings, process.env, agentConfigPrefix)
  const seenAtBootNs = readBootNs()
  const processes = readProcesses()
  // Its folder belongs to root.
  flushCompileCache()
  dropPrivileges(config)
  crashQuietly(log)
  process.umask(0o077)
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(name))
  await runAgent({
    config,
    paths: {
      chains: join(config.dataDir, 'chains'),
      signingKey: join(config.dataDir, 'host.key'),
      identity: join(config.dataDir, 'identity.pem'),
      joinToken: join(config.dataDir, 'join-token'),
      sensorSocket: join(config.runDir, 'sensor.sock'),
      status: join(config.runDir, 'status.json'),
    },
    processes,
    seenAtBootNs,
    pid: process.pid,
    clock: systemClock,
    disk: systemDisk,
    random: systemRandom,
    log,
    signal: stop.signal,
  })
  process.exit(0)
} catch (error) {
  log.critical(`the agent stops: ${messageOf(error)}`, { error })
  process.exit(1)
}
