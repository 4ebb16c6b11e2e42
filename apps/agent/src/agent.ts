// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import {
  type Clock,
  type ConfigOf,
  type Disk,
  giveBackMemory,
  type Hardening,
  type Log,
  makeDirectory,
} from '@sealwatch/base'
import { createHealth, listenForHealth, showHardening, watchSpace } from '@sealwatch/base/health'
import { type HostConfig, toldEntries } from '@sealwatch/contract/host-config'
import { chainOfPem, keepPublicHalf, loadOrCreateSigner } from '@sealwatch/keys'
import { type Chain, noHash, openChain } from '@sealwatch/ledger/chain'
import { openAgentEnd } from './carriage/agent-end.ts'
import { handsPort } from './carriage/hands-port.ts'
import { type agentSettings, segmentBytesMax } from './config.ts'
import { type ConfigurationNews, keepConfiguration } from './configuration/keep-configuration.ts'
import { addHealth, countRotations, showGuard, showIdentity } from './health.ts'
import { createHeartbeats } from './heartbeat.ts'
import { openBaselineState, showBaseline } from './integrity/baseline.ts'
import { openToldChanges } from './integrity/told-changes.ts'
import { createJournal, type JournalOptions, type QueueLimits } from './journal/journal.ts'
import { formatAccount, parseAccount } from './journal/sensor-account.ts'
import { createShedTally } from './journal/shed-tally.ts'
import { deviceOf, type RecordContext } from './observe/context.ts'
import { agentStarted, agentStopped, configApplied, configRefused, configRolledBack } from './observe/lifecycle.ts'
import type { ObserveContext } from './observe/observe.ts'
import { createProcessTable, type ProcessRow, processTableLimits } from './observe/process-table.ts'
import { createEnforcer } from './policies/enforce.ts'
import { noPolicies, policiesOf } from './policies/in-force.ts'
import { keyFilesPolicy } from './policies/key-files.ts'
import { standingsOf } from './policies/standing.ts'
import { watchPosture } from './posture.ts'
import { watchQueue } from './queue-health.ts'
import { openIdentity, readHostFacts, type ServerTrouble, type ShippedChain, ship } from './ship/index.ts'
import { createAccounts } from './sources/accounts.ts'
import { createBootOffset } from './sources/boot-offset.ts'
import { createLookups } from './sources/facts/lookups.ts'
import { createFrameDecoder } from './sources/frame.ts'
import { readPosture } from './sources/posture.ts'
import { readBootNs } from './sources/proc-snapshot.ts'
import { listenForSensor } from './sources/sensor-socket.ts'
import { type AgentState, statusOf } from './status.ts'
import { supervision } from './supervision.ts'
import { agentVersion } from './version.ts'
import { type WatchState, watch } from './watch.ts'

export type AgentOptions = {
  readonly config: ConfigOf<typeof agentSettings>
  readonly paths: Readonly<
    Record<
      | 'chains'
      | 'signingKey'
      | 'identity'
      | 'configuration'
      | 'joinToken'
      | 'posture'
      | 'sensorSocket'
      | 'status'
      | 'toldChanges'
      | 'baseline',
      string
    >
  >
  /** What ran when the agent started. */
  readonly processes: readonly ProcessRow[]
  readonly seenAtBootNs: bigint
  readonly pid: number
  /** Who keeps us alive, and the socket on which it says what it finds, where it has one. */
  readonly supervisor: { readonly pid: number; readonly socket: Duplex | undefined }
  /** What protects this process. */
  readonly hardening: Hardening
  /** Its chains are open, and a sensor may come. */
  readonly onListening: () => void
  readonly clock: Clock
  readonly disk: Disk
  readonly random: () => number
  /** Rings when somebody asks that the identity file be looked at now. */
  readonly reload: { wait(signal: AbortSignal): Promise<void> }
  readonly log: Log
  readonly signal: AbortSignal
}

const MiB = 1024 * 1024
const statusEveryMs = 1_000
/** While somebody waits for the start to be over. */
const startingStatusEveryMs = 50
/** How long a stopping agent tries to bring what it has sealed to the server. */
const drainMs = 2_000
const drainStepMs = 20
/** So long after another watch list came the sensor may begin anew for it. */
const newListNsMax = 10_000_000_000n
const clusterTenant = 'cluster'

/** Watches, seals and ships until the signal fires; rejects when it cannot go on without risking what is sealed. */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { config, paths, pid, supervisor, hardening, clock, disk, random, log, signal } = options
  const facts = await readHostFacts()
  const health = createHealth({ component: 'agent', version: agentVersion, clock, log })
  showHardening(health, hardening)
  const healthListener = await listenForHealth(health, {
    address: config.healthAddress,
    port: config.healthPort,
    hosts: config.healthHosts,
  })
  await makeDirectory(paths.chains)
  const signer = await loadOrCreateSigner(paths.signingKey, disk)
  await keepPublicHalf(paths.signingKey, signer, disk)
  const open = (tenant: string): Promise<Chain> =>
    openChain({
      dir: join(paths.chains, tenant),
      tenant,
      signer,
      clock,
      disk,
      segmentBytesMax,
      totalBytesMax: config.maxAuditLogSizeMb * MiB,
      epochMax: { lines: config.epochLines, ageMs: config.epochSeconds * 1_000 },
      onRotation: (rotation) => rotations.take(tenant, rotation),
      onValuesAltered: (file) => rotations.valuesAltered(tenant, file),
    })
  const rotations = countRotations(health, log)
  const chains = new Map<string, Chain>()
  for (const tenant of [config.tenant, clusterTenant]) {
    const chain = await open(tenant)
    if (chain.replacesDamaged)
      log.critical('a chain on disk was altered; it is set aside and a new one begins', { tenant, chain: chain.id })
    chains.set(tenant, chain)
  }
  const chainOf = (tenant: string) => chains.get(tenant) as Chain

  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  const watchState: WatchState = {
    hello: undefined,
    connected: false,
    account: parseAccount(chainOf(config.tenant).sensor),
    gaps: 0,
  }
  const tally = createShedTally()
  // As the settings say, until the server tells this host something else.
  let told: HostConfig | undefined
  let inForce = noPolicies
  let isListOpen = false
  let newListNs: bigint | undefined
  const takeNewList = () => {
    const isNew = newListNs !== undefined && clock.monotonicNs() - newListNs < newListNsMax
    newListNs = undefined
    return isNew
  }
  const limits: QueueLimits = {
    get watcherBuffer() {
      return told?.settings.watcher_buffer ?? config.watcherBuffer
    },
    get maxQueueDepth() {
      return told?.settings.max_queue_depth ?? config.maxQueueDepth
    },
  }
  const journalOf = (tenant: string, own: Pick<JournalOptions, 'sensor' | 'onShed'> = {}) => {
    return createJournal({ chain: () => chainOf(tenant), clock, log, limits, onFatal: failed.reject, ...own })
  }
  const journal = journalOf(config.tenant, {
    sensor: () => watchState.account && formatAccount(watchState.account, tally),
    onShed: tally.count,
  })
  const clusterJournal = journalOf(clusterTenant)

  const processes = createProcessTable(processTableLimits)
  processes.seed(options.processes, options.seenAtBootNs)
  const accounts = createAccounts(clock)
  const lookups = createLookups(clock)
  const bootOffset = createBootOffset(clock, readBootNs)
  let hostId: string | undefined
  let agentState: AgentState = 'unenrolled'
  let trouble: ServerTrouble | undefined
  const onTrouble = (met: ServerTrouble) => {
    trouble = met
  }
  const device = () =>
    deviceOf({
      hostId: hostId ?? `machine:${facts.machineId}`,
      hostname: facts.hostname,
      bootId: facts.bootId,
      kernel: facts.kernel,
      osName: facts.os,
      osVersion: '',
    })
  const recordContext = (tenant: string): RecordContext => ({
    device: device(),
    tenant,
    version: agentVersion,
    bootOffsetNs: bootOffset.ns,
  })
  const context = (): ObserveContext => ({
    ...recordContext(config.tenant),
    processes,
    userName: accounts.nameOf,
    enrichment: lookups.enrichment,
    policies: inForce.policies,
    running: { agent: pid, supervisor: supervisor.pid },
    ruleOf: enforcer.ruleOf,
    guardedBy: (observation) => guard?.word.on(observation),
  })
  const bootNs = () => clock.nowNs() - bootOffset.ns

  const socket = await listenForSensor(paths.sensorSocket, createFrameDecoder)
  options.onListening()
  const enforcer = createEnforcer({ tell: socket.tell, accounts: accounts.all, random: randomBytes, clock, log })
  const enforcing = enforcer.run(signal)
  clusterJournal.add(agentStarted({ timeNs: bootNs(), pid }, recordContext(clusterTenant)))

  const watchingPosture = watchPosture(
    {
      read: readPosture,
      path: paths.posture,
      journal,
      clusterJournal,
      context: () => recordContext(config.tenant),
      clusterContext: () => recordContext(clusterTenant),
      bootNs,
      clock,
      log,
    },
    signal,
  )

  const guard = config.guardSocket === '' ? undefined : openAgentEnd({ path: config.guardSocket, clock, log })
  const carryingStop = new AbortController()
  const carrying = guard?.run(carryingStop.signal)
  showGuard(health, guard)

  const toldChanges = await openToldChanges(paths.toldChanges, clock, log)
  const isChangeTold = () => watchState.hello?.attached.file_change.ok === true
  const baseline = await openBaselineState(paths.baseline, disk, isChangeTold)
  showBaseline(health, baseline)
  const noting = toldChanges.run(signal)
  const supervised = supervision({
    socket: supervisor.socket,
    supervisorPid: supervisor.pid,
    pid,
    lost: rotations.lost,
    guard,
    journal,
    context: () => recordContext(config.tenant),
    baseline,
    forgetBefore: toldChanges.forgetBefore,
    health,
    clock,
    log,
  })
  const watchingParts = supervised.run(signal)
  const watching = watch({
    connections: enforcer.heard(supervised.heard(socket.connections(signal))),
    journal,
    clusterJournal,
    prepare: async (messages) => {
      await Promise.all([lookups.prepare(messages), guard?.word.heard(messages)])
    },
    tally,
    limits,
    context,
    clusterContext: () => recordContext(clusterTenant),
    onChange: toldChanges.note,
    onBootTime: bootOffset.hear,
    takeNewList,
    state: watchState,
    bootId: facts.bootId,
    clock,
    log,
    signal,
  })

  const heartbeat = createHeartbeats(
    signer,
    () => {
      const { id, position } = chainOf(clusterTenant)
      return {
        chain: id,
        nextSeq: position.nextSeq,
        tip: position.tip ?? noHash,
        timeNs: clock.nowNs(),
        bootId: facts.bootId,
        bootNs: readBootNs(),
        waiting: journal.depth + clusterJournal.depth,
      }
    },
    () => supervised.seen(watchState),
  )
  addHealth(health, { watch: watchState, state: () => agentState, chains: () => [...chains.values()] })
  const queues = () =>
    [...chains.values()].map(({ tenant, position, shipped }) => ({
      tenant,
      toSeal: (tenant === clusterTenant ? clusterJournal : journal).depth,
      toAcknowledge: position.nextSeq - shipped,
    }))
  const watchingQueue = watchQueue({ health, chains: queues, tally, limits, clock, log }).watch(signal)

  const shippingStop = new AbortController()
  const shipping = shipWhenEnrolled()
  const reporting = reportStatus()

  async function shipWhenEnrolled(): Promise<void> {
    const { serverHost } = config
    const url = `https://${serverHost.includes(':') ? `[${serverHost}]` : serverHost}:${config.serverPort}`
    const files = { tokenFile: paths.joinToken, identityFile: paths.identity }
    const identity = await openIdentity({
      url,
      ...files,
      facts,
      signer,
      clock,
      disk,
      random,
      reload: options.reload,
      onTrouble,
      log,
      signal: shippingStop.signal,
    })
    if (identity === undefined) return
    showIdentity(health, identity)
    hostId = identity.current.hostId
    guard?.introduce(hostId)
    agentState = 'connecting'
    const tellGuard = () => {
      const { envelope } = configuration
      const { certificatePem, authorityPem } = identity.current
      if (envelope !== null) guard?.deliver({ kind: 'host_config', envelope, identity: certificatePem + authorityPem })
    }
    const configuration = await keepConfiguration({
      path: paths.configuration,
      hostId,
      tenant: config.tenant,
      authority: chainOfPem(identity.current.authorityPem),
      identity: () => identity.current.certificatePem + identity.current.authorityPem,
      apply: (next) => {
        if (isListOpen && watchedBy(next) !== watchedBy(told)) newListNs = clock.monotonicNs()
        isListOpen = true
        told = next
        inForce = policiesOf(next, device())
        const keys = keyFilesPolicy(next?.guard ?? {})
        enforcer.set(keys === undefined ? inForce.policies : [...inForce.policies, keys])
        for (const { id: policy, why } of inForce.passedOver)
          if (why === 'strange')
            log.error('a policy is of a form that this agent does not know: it is followed in no part', { policy })
      },
      onNews: (news) => {
        clusterJournal.add(newsRecord(news, bootNs(), recordContext(clusterTenant)))
        if (news.kind === 'applied') tellGuard()
      },
      disk,
      clock,
      log,
    })
    tellGuard()
    await Promise.all([
      identity.run(shippingStop.signal),
      configuration.run(shippingStop.signal),
      ship({
        url,
        identity,
        agentVersion,
        facts,
        chains: () => [...chains.values(), ...(guard?.chains ?? [])],
        ...(guard && { otherChains: guard.otherChains, hands: handsPort(guard) }),
        clock,
        random,
        log,
        signal: shippingStop.signal,
        heartbeat,
        configuration,
        standings: { now: () => standingsOf(inForce, enforcer.hindranceOf), changed: enforcer.changed },
        stopping: signal,
        onRollback: replaceChain,
        onTrouble,
        onRegistered: (registered) => {
          agentState = registered ? 'registered' : 'connecting'
          if (registered) trouble = undefined
        },
      }),
    ])
  }

  /** The server holds another history of this chain, or what it does not have yet cannot be read any more: what is here is kept as evidence, and a new chain begins. */
  async function replaceChain(diverged: ShippedChain): Promise<void> {
    const { id, tenant, writer } = diverged
    log.critical('the server knows another history of this chain, or it was altered here; a new one begins', {
      ...{ chain: id, tenant, writer },
    })
    if (writer === 'guard') return guard?.replace(diverged)
    await (tenant === clusterTenant ? clusterJournal : journal).closeEpoch()
    await chainOf(tenant).close()
    await setAside(join(paths.chains, tenant), clock)
    chains.set(tenant, await open(tenant))
  }

  async function reportStatus(): Promise<void> {
    while (!signal.aborted) {
      const status = statusOf({
        nowMs: clock.nowMs(),
        pid,
        state: agentState,
        hostId: hostId ?? null,
        trouble: trouble ?? null,
        health: healthListener.url,
        hardening,
        watch: supervised.seen(watchState),
        chains: [...chains.values()],
        guard,
        toSeal: (tenant) => queues().find((queue) => queue.tenant === tenant)?.toSeal ?? 0,
        tally,
        baseline: baseline.last,
      })
      writeStatus(paths.status, status)
      const isSettled = agentState === 'registered' && watchState.connected
      await clock.sleep(isSettled ? statusEveryMs : startingStatusEveryMs, signal)
    }
  }

  const journals = [journal, clusterJournal]
  const space = watchSpace({
    health,
    path: paths.chains,
    logs: () =>
      [...chains.values()].map(({ tenant, bytes }) => ({
        name: tenant,
        path: join(paths.chains, tenant),
        bytes,
        limitBytes: config.maxAuditLogSizeMb * MiB,
      })),
    isStalled: () => journals.some(({ isStalled }) => isStalled),
    clock,
    log,
  })
  const watchingSpace = space.watch(signal)
  const givingBack = giveBackMemory({ clock, log }, signal)
  const keeping = Promise.all(journals.map((each) => each.keepEpochs(config.epochIdleSeconds * 1_000, signal)))

  await Promise.race([failed.promise, shipping.then(() => watching), Promise.all([watching, reporting])])

  if (watchState.account !== undefined) watchState.account = { ...watchState.account, stopped: true }
  journal.add(undefined)
  clusterJournal.add(
    agentStopped({ timeNs: bootNs(), pid, cause: String(signal.reason) }, recordContext(clusterTenant)),
  )
  await Promise.race([failed.promise, Promise.all(journals.map((each) => each.flushed()))])
  await Promise.all([
    keeping,
    watchingSpace,
    watchingQueue,
    watchingParts,
    watchingPosture,
    givingBack,
    enforcing,
    noting,
  ])
  // Nothing stays open while nobody is here to close it.
  for (const each of journals) await each.closeEpoch()
  await socket.close()
  await shipped()
  shippingStop.abort()
  await shipping
  carryingStop.abort()
  await carrying
  for (const chain of chains.values()) await chain.close()
  await healthListener.close()

  /** Waits for the server to have everything, but not for long: what it has not is still here at the next start. */
  async function shipped(): Promise<void> {
    const deadlineMs = clock.nowMs() + drainMs
    const ends = () => [
      ...Array.from(chains.values(), ({ shipped: done, position }) => [done, position.nextSeq] as const),
      ...(guard?.chains ?? []).map(({ acknowledged, position }) => [acknowledged, position.nextSeq] as const),
    ]
    const isBehind = () => ends().some(([done, end]) => done < end)
    while (agentState === 'registered' && isBehind() && clock.nowMs() < deadlineMs) await clock.sleep(drainStepMs)
  }
}

const watchedBy = (config: HostConfig | undefined) => String(config === undefined ? [] : toldEntries(config))

/** Renames the directory so that it is never read as a chain again. */
async function setAside(dir: string, clock: Clock): Promise<void> {
  await rename(dir, `${dir}.replaced-${clock.nowMs()}`)
}

/** By plain calls: it lies in memory, and each promise of a file is a thread that wakes. */
function writeStatus(path: string, status: object): void {
  writeFileSync(`${path}.new`, JSON.stringify(status))
  renameSync(`${path}.new`, path)
}

function newsRecord(news: ConfigurationNews, timeNs: bigint, context: RecordContext) {
  switch (news.kind) {
    case 'applied': {
      const { version, digest, config } = news.said
      return configApplied(timeNs, { version, digest, groups: config.groups }, context)
    }
    case 'refused':
      return configRefused(timeNs, news, context)
    case 'rolled_back':
      return configRolledBack(timeNs, { from: news.from.version, to: news.to?.version ?? 0 }, context)
  }
}
