// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Clock, type ConfigOf, type Disk, giveBackMemory, type Log, openBootClock } from '@sealwatch/base'
import {
  type GuardMode,
  guardOrdersOf,
  type HostGuardConfig,
  isHostGuardConfig,
  type Rehearsal,
} from '@sealwatch/contract/guard-config'
import { caPinOf, type Ed25519Signer, loadOrCreateSigner } from '@sealwatch/keys'
import { type GuardEnd, openGuardEnd } from '../carriage/guard-end.ts'
import type { Delivery, GuardReport } from '../carriage/messages.ts'
import { readHostFacts } from '../ship/host-facts.ts'
import type { guardSettings } from './config.ts'
import { createForwardTime } from './forward-time.ts'
import { openGuardChains } from './guard-chains.ts'
import type { HandsState } from './hands-client.ts'
import { keepGuardConfiguration } from './keep-configuration.ts'
import { ownKeyFiles } from './key-files.ts'
import { serverUid } from './own-parts.ts'
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
  readonly hostMntNs: number
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
const agentPatienceNs = 5_000_000_000n

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
  let rehearsals: readonly Rehearsal[] = []
  let by: 'server' | 'file' | 'default' = Object.keys(local).length > 0 ? 'file' : 'default'
  let hostId: string | undefined
  let onOrders: () => void = () => undefined
  let agent: GuardEnd | undefined
  const bootNs = openBootClock()
  const time = createForwardTime(clock.nowMs, bootNs)
  let agentAwayNs: bigint | undefined = bootNs()
  const configuration = await keepGuardConfiguration({
    path: paths.configuration,
    tenant: config.tenant,
    pin: () => caPinOf([config.authorityFile], readText),
    apply: (told) => {
      const { allow, ...rest } = told?.config.guard ?? {}
      // Whom to let says nothing of what else is done.
      if (Object.keys(rest).length > 0) by = 'server'
      said = { ...local, ...rest, ...(allow && { allow }) }
      if (told !== undefined) time.atLeast(Date.parse(told.issued_at))
      rehearsals = told?.config.rehearsals ?? []
      onOrders()
    },
    disk,
    log,
  })
  if (config.mode !== '') log.warn('the guard is held back by its environment', { SEALWATCH_GUARD_MODE: config.mode })

  const orders = () => {
    const now = guardOrdersOf(said, rehearsals)
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
    allowedNowMs: time.nowMs,
    // Of one that comes back at once nobody need be told.
    agentAwayNs: () =>
      agentAwayNs === undefined || bootNs() - agentAwayNs < agentPatienceNs ? undefined : agentAwayNs,
    seen: options.seen,
    hostMntNs: options.hostMntNs,
    keyFiles: ownKeyFiles(dirname(config.dataDir), { server: serverUid, agent: config.agentUid }),
    supervisorPid: options.supervisorPid,
    signer: commandSigner,
    seal: chains.add,
    onJudged: (judged) => agent?.judged(judged),
    onProtected: () => agent?.protectsOthers(),
    bootNs,
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
    names: post.names,
    kill: orders().orders.responses.kill,
    prevent: orders().orders.prevent,
    preventsNothing: post.preventsNothing ?? null,
    hands: handsSocket === '' ? null : handsReport(post.hands),
    commandKey: commandSigner.publicKey.toHex(),
    configVersion: configuration.version,
  })

  async function take({ kind, envelope, identity }: Delivery): Promise<void> {
    if (kind === 'standing_order') post.handOver(envelope)
    else await configuration.take(envelope, identity).catch(refuse(envelope))
    agent?.changed()
  }

  let refusedLast = ''
  /** The agent offers the same one again and again: it is told once. */
  function refuse(envelope: string): (error: unknown) => never {
    return (error) => {
      if (refusedLast !== envelope) {
        const { code = 'HOST_CONFIG_INVALID', received } = error as { code?: string; received?: string }
        post.refused({
          code,
          version: configuration.version,
          ...(received !== undefined && { received: received.slice(0, 200) }),
        })
      }
      refusedLast = envelope
      throw error
    }
  }

  agent = await openGuardEnd({
    path: paths.agentSocket,
    agentUid: config.agentUid,
    chains: () => chains.all,
    replace: chains.replace,
    take,
    onHost: (host) => {
      hostId = host
    },
    state,
    protects: () => ({ processes: post.judges, paths: post.keeps }),
    onAgent: (isThere) => {
      agentAwayNs = isThere ? undefined : bootNs()
      log.info(isThere ? 'the agent is here' : 'the agent is away: what is sealed waits here')
    },
    onFatal: failed.reject,
    clock,
    log,
  })
  options.onListening()
  const keeping = chains.keepEpochs(signal)
  const givingBack = giveBackMemory({ clock, log, keepsCode: true }, signal)
  await Promise.race([failed.promise, Promise.all([keeping, post.run(signal), givingBack])])
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
