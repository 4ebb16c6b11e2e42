// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import type { Clock, ConfigOf, Disk, Log } from '@sealwatch/base'
import {
  type GuardMode,
  guardOrdersOf,
  type HostGuardConfig,
  isHostGuardConfig,
} from '@sealwatch/contract/guard-config'
import { caPinOf, type Ed25519Signer, loadOrCreateSigner } from '@sealwatch/keys'
import { openGuardEnd } from '../carriage/guard-end.ts'
import type { Delivery, GuardReport } from '../carriage/messages.ts'
import type { guardSettings } from './config.ts'
import { guardError } from './errors.ts'
import { openGuardChains } from './guard-chains.ts'
import { keepGuardConfiguration } from './keep-configuration.ts'

export type GuardOptions = {
  readonly config: ConfigOf<typeof guardSettings>
  readonly paths: Readonly<Record<'chains' | 'configuration' | 'commandKey' | 'agentSocket', string>>
  /** The host's: its chains are sealed by it. */
  readonly signer: Ed25519Signer
  readonly pid: number
  readonly onListening: () => void
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  readonly signal: AbortSignal
}

const MiB = 1024 * 1024
const clusterTenant = 'cluster'

/** Guards until the signal fires; rejects when it cannot go on without risking what is sealed. */
export async function runGuard(options: GuardOptions): Promise<void> {
  const { config, paths, signer, pid, clock, disk, log, signal } = options
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  const chains = await openGuardChains({
    dir: paths.chains,
    tenants: [config.tenant, clusterTenant],
    signer,
    totalBytesMax: config.maxAuditLogSizeMb * MiB,
    clock,
    disk,
    log,
    onFatal: failed.reject,
  })
  const commandSigner = await loadOrCreateSigner(paths.commandKey, disk)
  const local = readLocal(config.localFile, log)
  let orders = guardOrdersOf(local)
  const configuration = await keepGuardConfiguration({
    path: paths.configuration,
    tenant: config.tenant,
    pin: () => caPinOf([config.authorityFile], readText),
    apply: (told) => {
      orders = guardOrdersOf(told?.guard ?? local)
    },
    disk,
    log,
  })
  if (config.mode !== '') log.warn('the guard is held back by its environment', { SEALWATCH_GUARD_MODE: config.mode })

  const state = (): GuardReport => ({
    pid,
    mode: config.mode === '' ? orders.mode : (config.mode as GuardMode),
    tier: 'none',
    protected: 0,
    incidents: 0,
    kill: orders.responses.kill,
    hands: null,
    commandKey: commandSigner.publicKey.toHex(),
    configVersion: configuration.version,
  })

  async function take({ kind, envelope, identity }: Delivery): Promise<void> {
    if (kind === 'standing_order') throw guardError('GUARD_HANDLESS', { attempted: 'handing over a standing order' })
    await configuration.take(envelope, identity)
    agent.changed()
  }

  const agent = await openGuardEnd({
    path: paths.agentSocket,
    agentUid: config.agentUid,
    chains: () => chains.all,
    replace: chains.replace,
    take,
    onHost: (host) => log.debug('who this host is', { host }),
    state,
    onAgent: (isThere) => log.info(isThere ? 'the agent is here' : 'the agent is away: what is sealed waits here'),
    onFatal: failed.reject,
    clock,
    log,
  })
  options.onListening()
  const keeping = chains.keepEpochs(signal)
  await Promise.race([failed.promise, keeping])
  await agent.close()
  await chains.close()
}

/** What root says the guard does where no server does; what is not of the form counts for nothing, and is told. */
function readLocal(path: string, log: Log): HostGuardConfig {
  try {
    const { allow: _, ...said } = JSON.parse(readText(path) ?? '{}') as HostGuardConfig
    if (isHostGuardConfig(said)) return said
    throw new SyntaxError('another form')
  } catch (error) {
    log.critical('what root says of the guard is not of the form of host-config.md, 6, and counts for nothing', {
      path,
      error,
    })
    return {}
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
