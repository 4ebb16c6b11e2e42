// SPDX-License-Identifier: Apache-2.0

import { stat } from 'node:fs/promises'
import {
  type Clock,
  type ConfigOf,
  type Disk,
  type Hardening,
  isSealwatchError,
  type Log,
  takeLock,
} from '@sealwatch/base'
import { createHealth, listenForHealth, showHardening } from '@sealwatch/base/health'
import { openWitness, type Witness, type WitnessPlaces } from '@sealwatch/ledger/witness'
import { createClients } from './clients.ts'
import type { witnessSettings } from './config.ts'
import { witnessProgramError } from './errors.ts'
import { addHealth } from './health.ts'
import { type Listener, type ListenerOptions, listen } from './listener.ts'
import { witnessVersion } from './version.ts'

export type RunOptions = {
  readonly config: ConfigOf<typeof witnessSettings>
  readonly places: WitnessPlaces
  readonly tls: ListenerOptions['tls']
  readonly hardening: Hardening
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  readonly signal: AbortSignal
}

/** How soon a log that was added is known. */
const reloadEveryMs = 1_000

/** Serves until the signal fires; rejects when going on would risk what was cosigned. */
export async function runWitness(options: RunOptions): Promise<void> {
  const { config, places, tls, clock, disk, log, signal } = options
  const lock = await takeLock(places.lock)
  if (lock === undefined)
    throw witnessProgramError('WITNESS_RUNNING', { attempted: 'starting the witness', received: config.dataDir })
  const fatal = Promise.withResolvers<never>()
  const witness = await openWitness({ disk, places, clock, log })
  const health = createHealth({ component: 'witness', version: witnessVersion, clock, log })
  showHardening(health, options.hardening)
  const healthListener = await listenForHealth(health, {
    address: config.healthAddress,
    port: config.healthPort,
    hosts: config.healthHosts,
  })
  const listener = await listen({
    witness,
    address: config.address,
    port: config.port,
    tls,
    connections: config.connections,
    clients: createClients(clock, { perSecond: config.requestsPerSecond, connections: config.connectionsPerAddress }),
    onFatal: fatal.reject,
  })
  addHealth(health, { witness, listener, disk, places, clock })
  tellStart(log, witness, listener, healthListener.url)
  try {
    await Promise.race([reloadRegularly(options, witness), fatal.promise])
    log.info('stopping', { cause: String(signal.reason) })
  } finally {
    await listener.close()
    await healthListener.close()
    await lock.release()
  }
}

function tellStart(log: Log, witness: Witness, listener: Listener, health: string): void {
  const { proven, unproven } = witness.splitViews()
  log.info('serving', { url: listener.url, health, key: witness.cosigner.vkey, logs: witness.logs().length })
  if (proven + unproven > 0)
    log.critical('there is evidence of split views: sealwatch witness evidence', { proven, unproven })
}

/** Until the signal fires. */
async function reloadRegularly({ places, clock, log, signal }: RunOptions, witness: Witness): Promise<void> {
  let seen: bigint | undefined
  while (!signal.aborted) {
    try {
      const { mtimeNs } = await stat(places.logs, { bigint: true })
      if (mtimeNs !== seen) await witness.reload()
      seen = mtimeNs
    } catch (error) {
      if (isSealwatchError(error) && error.kind === 'fatal') throw error
      log.error('the logs could not be read again; those that are known are cosigned as before', { error })
    }
    await clock.sleep(reloadEveryMs, signal)
  }
}
