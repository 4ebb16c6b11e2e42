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
import { readHostFacts } from '../ship/host-facts.ts'
import type { guardSettings } from './config.ts'
import { openGuardChains } from './guard-chains.ts'
import type { HandsState } from './hands-client.ts'
import { keepGuardConfiguration } from './keep-configuration.ts'
import { type PostOptions, takePost } from './stand-guard.ts'

export type GuardOptions = {
  readonly config: ConfigOf<typeof guardSettings>
  readonly paths: Readonly<
    Record<'chains' | 'configuration' | 'commandKey' | 'agentSocket' | 'sensorSocket' | 'protectSocket', string>
  >
  /** The host's: its chains are sealed by it. */
  readonly signer: Ed25519Signer
  /** What ran when the guard was root. */
  readonly seen: PostOptions['seen']
  readonly pid: number
  readonly supervisorPid: number
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
  const { handsSocket } = config
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
  let said = local
  let by: 'server' | 'file' | 'default' = Object.keys(local).length > 0 ? 'file' : 'default'
  let hostId: string | undefined
  let onOrders: () => void = () => undefined
  const configuration = await keepGuardConfiguration({
    path: paths.configuration,
    tenant: config.tenant,
    pin: () => caPinOf([config.authorityFile], readText),
    apply: (told) => {
      if (told?.guard !== undefined) by = 'server'
      said = told?.guard ?? local
      onOrders()
    },
    disk,
    log,
  })
  if (config.mode !== '') log.warn('the guard is held back by its environment', { SEALWATCH_GUARD_MODE: config.mode })

  const orders = () => {
    const now = guardOrdersOf(said)
    return config.mode === ''
      ? { orders: now, by }
      : { orders: { ...now, mode: config.mode as GuardMode }, by: 'environment' }
  }
  const post = await takePost({
    paths: { ...paths, handsSocket },
    tenant: config.tenant,
    facts: await readHostFacts(),
    hostId: () => hostId,
    orders,
    seen: options.seen,
    supervisorPid: options.supervisorPid,
    signer: commandSigner,
    seal: chains.add,
    clock,
    log,
  })
  onOrders = post.ordersChanged

  const state = (): GuardReport => ({
    pid,
    mode: orders().orders.mode,
    tier: tiers[post.tier],
    protected: post.protected,
    incidents: post.incidents,
    kill: orders().orders.responses.kill,
    hands: handsSocket === '' ? null : handsReport(post.hands),
    commandKey: commandSigner.publicKey.toHex(),
    configVersion: configuration.version,
  })

  async function take({ kind, envelope, identity }: Delivery): Promise<void> {
    if (kind === 'standing_order') post.handOver(envelope)
    else await configuration.take(envelope, identity)
    agent.changed()
  }

  const agent = await openGuardEnd({
    path: paths.agentSocket,
    agentUid: config.agentUid,
    chains: () => chains.all,
    replace: chains.replace,
    take,
    onHost: (host) => {
      hostId = host
    },
    state,
    onAgent: (isThere) => log.info(isThere ? 'the agent is here' : 'the agent is away: what is sealed waits here'),
    onFatal: failed.reject,
    clock,
    log,
  })
  options.onListening()
  const keeping = chains.keepEpochs(signal)
  await Promise.race([failed.promise, Promise.all([keeping, post.run(signal)])])
  await agent.close()
  await chains.close()
}

/** In the words of the carriage: by what it hears of protected processes. */
const tiers = { ebpf: 'events', polling: 'polling', none: 'none' } as const

const handsReport = ({ isConnected, order, refused }: HandsState) => ({
  connected: isConnected,
  order: order && { version: order.version, digest: order.digest, until: order.expires_at },
  refused: refused?.code ?? null,
})

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
