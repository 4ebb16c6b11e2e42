// SPDX-License-Identifier: Apache-2.0
// The guard at its post: its lines to the sensor, to services and to the hands, and a look around each second.

import { randomBytes } from 'node:crypto'
import { type Clock, type Log, openPeerCredentials } from '@sealwatch/base'
import type { EventDraft, GuardEvent, GuardRefused, GuardState } from '@sealwatch/contract'
import type { GuardOrders } from '@sealwatch/contract/guard-config'
import type { Ed25519Signer } from '@sealwatch/keys'
import { carriageLimits, type GuardReport, type Judged } from '../carriage/messages.ts'
import { deviceOf } from '../observe/context.ts'
import { createProcessTable, type ProcessRow, processTableLimits } from '../observe/process-table.ts'
import type { HostFacts } from '../ship/host-facts.ts'
import { createAccounts } from '../sources/accounts.ts'
import { createProcessFacts } from '../sources/facts/process-facts.ts'
import { createFrameDecoder } from '../sources/frame.ts'
import type { SensorMessage } from '../sources/observation.ts'
import { listenForSensor } from '../sources/sensor-socket.ts'
import { agentVersion } from '../version.ts'
import { keyOf, type ProcessKey } from './act.ts'
import { type GuardContext, refusedRecord, stateRecord } from './events.ts'
import { createExaminations } from './examinations.ts'
import { createGuarding } from './guarding.ts'
import { createHandsClient, type HandsState } from './hands-client.ts'
import { debuggerPrograms } from './judge.ts'
import type { KeyFile } from './key-files.ts'
import { ofDeployment } from './of-deployment.ts'
import { handsUid, ownParts, sensorUid } from './own-parts.ts'
import { preventionOf } from './prevention.ts'
import { createProcesses } from './processes.ts'
import { protectedLimits } from './protected-order.ts'
import { createRegistry, type ProcessLook, type Registry } from './registry.ts'
import { createSensorLine, type Tier } from './sensor-line.ts'
import { listenForServices } from './service-line.ts'
import { createUnseenStarts } from './unseen-starts.ts'

export type PostOptions = {
  readonly paths: Readonly<Record<'sensorSocket' | 'protectSocket' | 'handsSocket', string>>
  readonly tenant: string
  readonly facts: HostFacts
  /** Undefined: this machine is not enrolled yet. */
  readonly hostId: () => string | undefined
  /** Who says what the guard does, and what. */
  readonly orders: () => { readonly orders: GuardOrders; readonly by: GuardState['by'] }
  readonly allowedNowMs: () => number
  /** Since when no agent is there, CLOCK_BOOTTIME; undefined: one is. */
  readonly agentAwayNs: () => bigint | undefined
  /** What ran when somebody looked as root; CLOCK_BOOTTIME. */
  readonly seen: { readonly rows: readonly ProcessRow[]; readonly atBootNs: bigint }
  /** Of the machine's own mount namespace: inode number. */
  readonly hostMntNs: number
  /** Of Sealwatch's own parts. */
  readonly keyFiles: readonly KeyFile[]
  /** Who keeps the guard alive. */
  readonly supervisorPid: number
  /** Of the guard: by it the hands know its commands. */
  readonly signer: Ed25519Signer
  readonly seal: (tenant: string, draft: EventDraft<GuardEvent>) => void
  readonly onJudged: (judged: Judged) => void
  /** Others are protected, or are seen no more. */
  readonly onProtected: () => void
  /** CLOCK_BOOTTIME. */
  readonly bootNs: () => bigint
  readonly clock: Clock
  readonly log: Log
}

export type Post = {
  /** Somebody says something else than before. */
  ordersChanged(): void
  /** What came from the server by the agent, and is not taken. */
  refused(refused: GuardRefused): void
  /** A standing order came for the hands. */
  handOver(envelope: string): void
  readonly tier: Tier
  /** The sensor says that it looks at all that are protected now. */
  readonly isFollowed: boolean
  /** Why this kernel refuses nothing for the guard; undefined: it does, where it is told to. */
  readonly preventsNothing: string | undefined
  readonly protected: number
  readonly names: GuardReport['names']
  /** Of whom it judges what others do to them, by `keyOf`: what reaches the agent of them need not be told a second time. */
  readonly judges: readonly string[]
  /** Paths of the watch list of which it judges the same. */
  readonly keeps: readonly string[]
  readonly incidents: number
  readonly hands: HandsState
  /** Until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

const clusterTenant = 'cluster'
const lookEveryMs = 1_000
/** A sensor that begins anew is away for less. */
const tierPatienceNs = 10_000_000_000n
/** Who acted is looked up for so long at most: that it is told is worth more. */
const prepareMs = 2
const tickNs = 10_000_000n

type Looked = Pick<Registry, 'entries' | 'version'> & { readonly looks: readonly ProcessLook[] }

export async function takePost(options: PostOptions): Promise<Post> {
  const { paths, tenant, facts, orders, signer, bootNs, clock, log } = options
  const { rows, atBootNs } = options.seen
  const newId = (kind: string) => `${kind}_${randomBytes(12).toString('hex')}`
  const table = createProcessTable(processTableLimits)
  table.seed(rows, atBootNs)
  const images = new Map(
    rows.flatMap(({ pid, startTicks, exe }) =>
      exe === null ? [] : [[keyOf({ pid, startNs: startTicks * tickNs }), exe.replace(/ \(deleted\)$/, '')]],
    ),
  )
  const processes = createProcesses(images)
  const registry = createRegistry({ own: ownParts(options.supervisorPid), newId: () => newId('prt') })
  const accounts = createAccounts(clock)
  const processFacts = createProcessFacts(clock)
  let ours: ReadonlySet<string> = new Set()
  /** What was looked at last: where all of it is as it was, there is nothing to learn of it. */
  let looked: Partial<Looked> = {}
  let names = { version: -1, rows: [] as GuardReport['names'] }
  let told: GuardState | undefined
  let tierSinceNs = bootNs()

  const contextOf = (of: string): GuardContext => ({
    device: deviceOf({
      hostId: options.hostId() ?? `machine:${facts.machineId}`,
      hostname: facts.hostname,
      bootId: facts.bootId,
      kernel: facts.kernel,
      osName: facts.os,
      osVersion: '',
    }),
    tenant: of,
    version: agentVersion,
    bootOffsetNs: clock.nowNs() - bootNs(),
    processes: table,
    userName: accounts.nameOf,
    enrichment: { process: processFacts.of },
  })

  const hands = createHandsClient({ path: paths.handsSocket, signer, bootNs, clock, log })
  const examinations = createExaminations(() => sensorLine.changed(), clock)
  const unseen = createUnseenStarts(() => registry.images.length > 0 && sensorLine.tier !== 'none')
  const guarding = createGuarding({
    registry,
    processes,
    orders: () => orders().orders,
    hostMntNs: options.hostMntNs,
    ownKeyFiles: options.keyFiles,
    allowedNowMs: options.allowedNowMs,
    agentAwayNs: options.agentAwayNs,
    canPrevent: () => sensorLine.preventsNothing === undefined,
    seal: (draft) => {
      options.seal(tenant, draft)
      const forDeployment = ofDeployment(draft)
      if (forDeployment !== undefined) options.seal(clusterTenant, forDeployment)
    },
    context: () => contextOf(tenant),
    prepare,
    audit: ({ process }) => examinations.of(process),
    services: () => services,
    hands,
    ours: () => ours,
    onJudged: options.onJudged,
    newId: () => newId('inc'),
    bootNs,
    log,
  })
  const sensor = await listenForSensor(paths.sensorSocket, createFrameDecoder)
  const sensorLine = createSensorLine({
    socket: sensor,
    protected: () => {
      const now = orders().orders
      if (now.mode === 'off') return { processes: [], images: [] }
      const at = { nowMs: options.allowedNowMs(), bootNs: bootNs() }
      const prevention = preventionOf(now, at, accounts.all())
      return {
        processes: [
          ...registry.all.map(({ process: { pid, startNs, name } }) => {
            const isToBeExamined = examinations.isDue({ pid, startNs })
            return { pid, startNs, name, isToBeExamined }
          }),
          ...unseen.asked
            .filter((process) => registry.at(process) === undefined)
            .slice(0, Math.max(0, protectedLimits.processesMax - registry.all.length))
            .map((process) => ({ ...process, isToBeExamined: true })),
        ],
        images: [...registry.images, ...debuggerPrograms],
        ...(prevention !== undefined && { prevention }),
      }
    },
    take: async (messages) => {
      examinations.take(messages)
      unseen.take(messages)
      await guarding.take(messages)
      spread()
    },
    onTier: () => {
      tierSinceNs = bootNs()
      unseen.begin(tierSinceNs)
      options.onProtected()
    },
    secret: secretOf(),
    clock,
    log,
  })
  const services = await listenForServices({
    path: paths.protectSocket,
    peerOf: openPeerCredentials(),
    processAt: processes.one,
    register: (process, { protect: name, steps }) => {
      const look = processes.one(process.pid)
      // Its pid may have been given to another one since it connected.
      if (look === undefined || look.startNs !== process.startNs) return undefined
      const known = registry.at(look)
      const registered = registry.register({ ...look, name, steps }, bootNs())
      if (typeof registered === 'object' && known?.id !== registered.id)
        guarding.changed([{ kind: 'protected', registered }])
      spread()
      return registered
    },
    audit: ({ process }) => examinations.of(process),
    mode: () => orders().orders.mode,
    onDone: guarding.done,
    clock,
    log,
  })

  async function prepare(messages: readonly SensorMessage[]): Promise<void> {
    const looking = messages.flatMap((message) =>
      'actor' in message && message.kind !== 'exit' && message.kind !== 'fork'
        ? (processFacts.look(message.actor, false) ?? [])
        : [],
    )
    if (looking.length === 0) return
    const over = new AbortController()
    await Promise.race([Promise.all(looking), clock.sleep(prepareMs, over.signal)])
    over.abort('known')
  }

  let [toldVersion, sparedVersion] = [-1, -1]
  /** The sensor hears whom the registry has. */
  function spread(): void {
    if (registry.version === toldVersion) return
    toldVersion = registry.version
    sensorLine.changed()
    options.onProtected()
  }
  /** The hands do, too, but no more often than anybody looks: the guard itself commands nothing against them. */
  function spare(): void {
    if (registry.version === sparedVersion) return
    sparedVersion = registry.version
    hands.spare(registry.all.map(({ process }) => [process.pid, process.startNs] as const))
  }

  async function look(): Promise<void> {
    const { entries } = registry
    const looks = await processes.look(bootNs(), entries)
    const pidFiles = processes.pidFiles(entries, clock.nowNs() - bootNs())
    const isNew = looks !== looked.looks || registry.version !== looked.version || entries !== looked.entries
    if (isNew || pidFiles.size > 0) {
      ours = oursOf(looks, options.supervisorPid)
      const isThere = ({ pid, startNs }: ProcessKey) => processes.one(pid)?.startNs === (startNs / tickNs) * tickNs
      guarding.changed(registry.look(looks, pidFiles, isThere))
      looked = { looks, entries, version: registry.version }
    }
    guarding.look(looks)
    if (unseen.look(looks, bootNs())) sensorLine.changed()
    spread()
    spare()
  }

  /** What the guard does and by what it sees, where that is another than was told. */
  function tellState(): void {
    const { orders: now, by } = orders()
    const { tier } = sensorLine
    if (tier === 'none' && bootNs() - tierSinceNs < tierPatienceNs) return
    const rehearses = now.rehearsals
      .filter(({ until }) => clock.nowMs() < Date.parse(until))
      .map(({ id, name, until, by: whom }) => ({ id, name, until, by: whom }))
    const preventsNothing = now.prevent === 'off' ? undefined : sensorLine.preventsNothing
    const state = {
      ...{ mode: now.mode, prevent: now.prevent, responses: now.responses, by, tier },
      ...(preventsNothing !== undefined && { prevents_nothing: preventsNothing }),
      ...(rehearses.length > 0 && { rehearses }),
    }
    const before = told?.mode
    if (
      told !== undefined &&
      JSON.stringify({ ...state, before: told.before }) === JSON.stringify({ ...told, before: told.before })
    )
      return
    const next = { ...state, ...(before !== undefined && { before }) }
    told = next
    options.seal(clusterTenant, stateRecord(bootNs(), next, contextOf(clusterTenant)))
    if (now.mode !== 'on') log.warn('the guard does not respond', { mode: now.mode, by })
  }

  async function lookAround(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await look()
      guarding.tick()
      tellState()
      await clock.sleep(lookEveryMs, signal)
    }
  }

  guarding.changed(registry.setEntries(orders().orders.protect))
  return {
    ordersChanged() {
      guarding.changed(registry.setEntries(orders().orders.protect))
      // Entries that are new, and the list of a guard that is off.
      toldVersion = -1
      unseen.begin(bootNs())
      look().catch((error: unknown) => log.error('the processes of this machine could not be looked at', { error }))
    },
    refused: (refused) => options.seal(clusterTenant, refusedRecord(bootNs(), refused, contextOf(clusterTenant))),
    handOver: hands.order,
    get tier() {
      return sensorLine.tier
    },
    get isFollowed() {
      return sensorLine.isFollowed
    },
    get preventsNothing() {
      return sensorLine.preventsNothing
    },
    get protected() {
      return registry.all.length
    },
    get names() {
      if (names.version !== registry.version) names = { version: registry.version, rows: namesOf(registry) }
      return names.rows
    },
    get judges() {
      if (orders().orders.mode === 'off' || sensorLine.tier === 'none') return []
      return registry.all.map(({ process }) => keyOf(process))
    },
    get keeps() {
      return [...guarding.keeps]
    },
    get incidents() {
      return guarding.incidents
    },
    get hands() {
      return hands.state
    },
    async run(signal) {
      await Promise.all([sensorLine.run(sensor.connections(signal), signal), hands.run(signal), lookAround(signal)])
      guarding.end()
      await services.close()
      await sensor.close()
    },
  }
}

function namesOf({ all }: Registry): GuardReport['names'] {
  const counts = new Map<string, number>()
  for (const { process } of all) counts.set(process.name, (counts.get(process.name) ?? 0) + 1)
  const rows = [...counts].map(([name, count]) => ({ name, processes: count }))
  return rows.toSorted((one, other) => (one.name < other.name ? -1 : 1)).slice(0, carriageLimits.namesMax)
}

/** The sensor with its children, the hands, and who keeps us alive: their work is to look at others. */
function oursOf(looks: readonly ProcessLook[], supervisorPid: number): ReadonlySet<string> {
  const sensors = new Set(looks.filter(({ uid }) => uid === sensorUid).map(({ pid }) => pid))
  const isOurs = ({ pid, ppid, uid }: ProcessLook) =>
    sensors.has(pid) ||
    sensors.has(ppid) ||
    uid === handsUid ||
    (pid === supervisorPid && pid !== 1) ||
    pid === process.pid
  return new Set(looks.filter(isOurs).map(keyOf))
}

function secretOf() {
  const bytes = randomBytes(16)
  return { seed: bytes.readBigUInt64LE(0), factor: bytes.readBigUInt64LE(8) | 1n }
}
