// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import process from 'node:process'
import {
  confine,
  crashQuietly,
  createLog,
  isSealwatchError,
  messageOf,
  placesOf,
  readConfig,
  refuseForeignEnvironment,
  systemClock,
  systemDisk,
  together,
  workAsOwnerOf,
} from '@sealwatch/base'
import { witnessPlaces } from '@sealwatch/ledger/witness'
import { witnessConfigPrefix, witnessSettings } from './config.ts'
import { runWitness } from './run.ts'

// A log that cannot be written is no reason to stop cosigning.
process.stdout.on('error', () => undefined)
const log = createLog('witness', (line) => process.stdout.write(line), systemClock.nowMs)

try {
  refuseForeignEnvironment(process.env)
  const config = readConfig(witnessSettings, process.env, witnessConfigPrefix)
  const { tlsCertificate, tlsKey } = config
  // Both may lie where only root may read.
  const tls = tlsCertificate === '' ? undefined : { cert: readFileSync(tlsCertificate), key: readFileSync(tlsKey) }
  // Its folder belongs to root.
  flushCompileCache()
  const confined = confine(placesOf({ env: process.env, folders: [config.dataDir] }), log)
  workAsOwnerOf(config.dataDir)
  const hardening = together(confined, crashQuietly(log))
  process.umask(0o077)
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(name))
  const places = witnessPlaces('.')
  await runWitness({ config, places, tls, hardening, clock: systemClock, disk: systemDisk, log, signal: stop.signal })
  process.exit(0)
} catch (error) {
  const code = isSealwatchError(error) ? error.code : undefined
  log.critical(`the witness stops: ${messageOf(error)}`, { code, error })
  process.exit(1)
}
