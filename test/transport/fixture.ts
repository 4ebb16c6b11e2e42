// SPDX-License-Identifier: Apache-2.0
// A real server port and the real agent's side of it, over TLS on the loopback. Only the ingest behind is a fake.

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Clock, createBell, createLog, type Disk, type Log, systemClock, systemDisk } from '@sealwatch/base'
import { generateSigner } from '@sealwatch/keys'
import { type Body, type Chain, openChain } from '@sealwatch/ledger'
import { type EnrolOptions, type IdentityKeeper, openIdentity, ship } from '../../apps/agent/src/ship/index.ts'
import { createGate, type Denial } from '../../apps/server/src/access/index.ts'
import {
  type HostKeys,
  type Identity,
  openIdentity as openServerIdentity,
} from '../../apps/server/src/identity/index.ts'
import { openTransport, type Transport } from '../../apps/server/src/ingest/transport.ts'
import { createOutbox, openEntries, openStore, type Store } from '../../apps/server/src/store/index.ts'
import { atEnd } from './at-end.ts'
import { type RecordingIngest, recordingIngest } from './recording-ingest.ts'

export const operator = { name: 'operator:root', requestId: 'r' }
export const facts = { hostname: 'web-1', machineId: 'a'.repeat(32), bootId: 'b', kernel: '6.1', os: 'Debian 12' }
const device = {
  uid: 'server',
  hostname: 'server',
  type_id: 0,
  type: 'Unknown',
  os: { name: 'Debian GNU/Linux', type_id: 200, type: 'Linux' },
}

type LogLine = { readonly level: string; readonly msg: string; readonly error?: { readonly code?: string } }
export type RecordingLog = Log & {
  readonly lines: readonly LogLine[]
  until(fits: (line: LogLine) => boolean): Promise<LogLine>
}

export function recordingLog(): RecordingLog {
  const lines: LogLine[] = []
  const written = createBell()
  const forever = new AbortController().signal
  const write = (line: string) => {
    lines.push(JSON.parse(line) as LogLine)
    written.ring()
  }
  const until = async (fits: (line: LogLine) => boolean) => {
    for (;;) {
      const found = lines.find(fits)
      if (found !== undefined) return found
      await written.wait(forever)
    }
  }
  return { ...createLog('test', write, systemClock.nowMs), lines, until }
}

export async function temporaryDirectory(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sealwatch-transport-'))
  atEnd(t, () => rm(dir, { recursive: true, force: true }))
  return dir
}

export type Server = {
  readonly dir: string
  readonly url: string
  readonly port: number
  readonly identity: Identity
  readonly ingest: RecordingIngest
  readonly transport: Transport
  readonly store: Store
  readonly log: RecordingLog
  /** Why join tokens were refused. */
  readonly guessed: readonly string[]
  /** What the server said in the ledgers. */
  readonly denied: readonly Denial[]
  /** Tenants that are not there, for the gate; of what it decided before it is told. */
  readonly tenantsGone: Set<string>
  readonly said: readonly { readonly tenant: string; readonly body: Body }[]
  stop(): Promise<void>
}

const never = () => assert.fail('nobody sends rows here')
const noSubmissions = {
  rows: { begin: never, refuse: never, submit: never },
  readBearer: never,
  certificates: { check: never, attach: never, renew: never },
}

/** Nobody is waited for here. */
export const noPresence = {
  registered: () => undefined,
  heartbeat: () => undefined,
  shipped: () => undefined,
  admitted: () => undefined,
}

/** Hosts are told nothing here. */
export const noConfigs: Parameters<typeof openTransport>[0]['configs'] = {
  desired: async () => undefined,
  report: async () => undefined,
  wait: () => new Promise(() => undefined),
}

/** Nor may their hands do anything. */
const noOrders: Parameters<typeof openTransport>[0]['orders'] = { desired: async () => undefined }

/** Nothing is judged here. */
const noKeys: HostKeys = { given: async () => undefined, hostRevoked: () => undefined }

export type ServerOptions = {
  readonly dir?: string
  readonly port?: number
  readonly clock?: Clock
  readonly ingest?: RecordingIngest
  readonly presence?: Parameters<typeof openTransport>[0]['presence']
  readonly configs?: Parameters<typeof openTransport>[0]['configs']
  readonly orders?: Parameters<typeof openTransport>[0]['orders']
  readonly connectionsPerAddress?: number
  readonly connectionsPerSender?: number
  /** Of an operator; left out: the built-in CA. */
  readonly caFile?: string
  readonly disk?: Disk
}

export async function startServer(t: TestContext, options: ServerOptions = {}): Promise<Server> {
  const { clock = systemClock, ingest = recordingIngest(), port = 0 } = options
  const dir = options.dir ?? (await temporaryDirectory(t))
  const log = recordingLog()
  const store = openStore(dir)
  const outbox = createOutbox(store)
  const denied: Denial[] = []
  const tenantsGone = new Set<string>()
  const said: { tenant: string; body: Body }[] = []
  const over = new AbortController()
  const guessed: string[] = []
  const voice = { device, version: '0.1.0' }
  const common = { store, outbox, voice, clock, log, keys: noKeys, checkTenant: () => undefined }
  const names = ['localhost', '127.0.0.1']
  const operatorCa = options.caFile === undefined ? undefined : { file: options.caFile, names }
  const identity = await openServerIdentity({
    ...common,
    ...(operatorCa && { operatorCa }),
    dir,
    deployment: 'test',
    disk: options.disk ?? systemDisk,
  }).catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  const running = identity.authority.run?.(over.signal)
  const ledgers = { get: () => ({ signed: undefined }) as never }
  const gate = createGate({
    rolesOf: () => [],
    customRolesOf: () => [],
    stateOf: (tenant) => (tenantsGone.has(tenant) ? undefined : 'active'),
    onDenied: (denial) => denied.push(denial),
  })
  const transport = await openTransport({
    ...common,
    gate,
    ledgers,
    identity,
    ingest,
    presence: options.presence ?? noPresence,
    configs: options.configs ?? noConfigs,
    orders: options.orders ?? noOrders,
    submissions: noSubmissions,
    address: '127.0.0.1',
    port,
    names,
    connectionsMax: {
      perAddress: options.connectionsPerAddress ?? 1024,
      perSender: options.connectionsPerSender ?? 16,
    },
    onGuess: ({ cause }) => void guessed.push(cause),
  })
  const index = openEntries(store.indexPath)
  const entered = index.prepare('INSERT INTO own_entries VALUES (?, ?, ?)')
  let { leaves } = index.prepare('SELECT count(*) AS leaves FROM own_entries').get() as { leaves: number }
  const publishing = publish()

  /** Takes the ledgers' part: what is in the outbox is in a ledger. */
  async function publish(): Promise<void> {
    while (!over.signal.aborted) {
      const woken = outbox.wait(over.signal)
      const rows = await outbox.waiting(100)
      if (rows.length === 0) {
        await woken
        continue
      }
      for (const { tenant, uid } of rows) {
        entered.run(tenant, leaves++, uid)
        await outbox.settle(tenant, 0, [uid])
      }
      said.push(...rows)
    }
  }

  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= (async () => {
      await transport.close()
      over.abort()
      await Promise.all([publishing, running])
      index.close()
      await store.close()
    })()
    return stopped
  }
  atEnd(t, stop)
  const url = `https://127.0.0.1:${transport.port}`
  return {
    dir,
    url,
    port: transport.port,
    identity,
    ingest,
    transport,
    store,
    log,
    guessed,
    denied,
    tenantsGone,
    said,
    stop,
  }
}

export type Agent = {
  readonly dir: string
  readonly tokenFile: string
  readonly log: RecordingLog
  readonly options: EnrolOptions
  readonly abort: () => void
}

/** Everything of an agent but its doings. */
export async function prepareAgent(
  t: TestContext,
  { url, clock = systemClock }: { url: string; clock?: Clock },
): Promise<Agent> {
  const dir = await temporaryDirectory(t)
  const log = recordingLog()
  const tokenFile = join(dir, 'join-token')
  const over = new AbortController()
  atEnd(t, () => over.abort())
  const identityFile = join(dir, 'identity.pem')
  const options: EnrolOptions = {
    url,
    tokenFile,
    identityFile,
    facts,
    signer: generateSigner(),
    clock,
    disk: systemDisk,
    random: () => 0,
    log,
    signal: over.signal,
  }
  return { dir, tokenFile, log, options, abort: () => over.abort() }
}

export async function giveToken(server: Server, agent: Agent, tenant = 'default'): Promise<string> {
  const { token } = await server.identity.createJoinToken(operator, tenant, 3600)
  await writeFile(agent.tokenFile, `${token}\n`)
  return token
}

export async function enrolled(server: Server, agent: Agent, tenant = 'default'): Promise<IdentityKeeper> {
  await giveToken(server, agent, tenant)
  const keeper = await openIdentity(agent.options)
  if (keeper === undefined) throw new Error('not enrolled')
  return keeper
}

export async function chainOf(t: TestContext, agent: Agent, tenant = 'default', folder = tenant): Promise<Chain> {
  const { signer, clock, disk } = agent.options
  const dir = join(agent.dir, 'chains', folder)
  const chain = await openChain({ dir, tenant, signer, clock, disk, segmentBytesMax: 1 << 20, totalBytesMax: 1 << 26 })
  atEnd(t, chain.close)
  return chain
}

/** Seals `batches` batches of `events` events; returns the chain's end. */
export async function sealSome(chain: Chain, batches: number, events = 3): Promise<number> {
  for (let batch = 0; batch < batches; batch++) {
    const drafts = Array.from({ length: events }, (_, n) => ({
      event: { message: `event ${chain.position.nextSeq} ${n}` },
      personalPointers: [],
      timeNs: systemClock.nowNs(),
    }))
    await chain.seal(drafts)
  }
  return chain.position.nextSeq
}

export type Shipping = { readonly done: Promise<void>; stop(): Promise<void>; readonly rolledBack: string[] }

export function startShipping(
  t: TestContext,
  agent: Agent,
  identity: IdentityKeeper,
  chains: readonly Chain[],
  onRollback: () => Promise<void> = async () => undefined,
  heartbeat?: () => string,
): Shipping {
  const over = new AbortController()
  const rolledBack: string[] = []
  const done = ship({
    ...agent.options,
    identity,
    agentVersion: '0.1.0',
    chains: () => chains,
    ...(heartbeat && { heartbeat }),
    onRegistered: () => undefined,
    onRollback: async ({ id }) => {
      rolledBack.push(id)
      await onRollback()
    },
    signal: over.signal,
  })
  const stop = () => {
    over.abort()
    return done
  }
  atEnd(t, stop)
  return { done, stop, rolledBack }
}
