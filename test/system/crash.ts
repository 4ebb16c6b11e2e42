// SPDX-License-Identifier: Apache-2.0

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type JsonObject, parseRfc3339, systemClock } from '@sealwatch/base'
import { createFrontier, type Line, parseCheckpoint, parseNote, sha256 } from '@sealwatch/ledger'
import { eventually, type Platform, repository, startPlatform } from './platform.ts'
import { type Producer, startProducer } from './producer.ts'

export type CrashPlan = {
  readonly root?: string
  readonly seed: number
  readonly kills: number
  readonly parts: readonly ('server' | 'agent' | 'sensor')[]
  /** How long what is under way may take to arrive once the killing has ended. */
  readonly patienceMs?: number
}

export type CrashReport = {
  /** What was lost, doubled, rewritten or unaccounted for; empty is the promise. */
  readonly violations: readonly string[]
  readonly acts: number
  readonly actsInLedger: number
  readonly actsInGaps: number
  readonly acknowledged: number
  readonly kills: Readonly<Record<string, number>>
  readonly checkpoints: number
}

type Act = { readonly name: string; readonly site: string; readonly beforeNs: bigint; readonly afterNs: bigint }

/** Whatever lies directly in this folder of the running instance is watched. */
const watchedFolder = 'canary'
const actsPerSecond = 200
/** Between two kills: some fall upon a part that begins, and most upon one that works. */
const pauseMs = { min: 400, max: 2_400 } as const
/** /proc/uptime counts in hundredths of a second, and a gap begins with the last frame that was taken in. */
const slackNs = 100_000_000n

/**
 * Kills parts of a running platform at moments that the seed decides, while a C program acts and a second host ships,
 * both of which keep their own record; then holds the ledger against those records.
 */
export async function crash({
  root = repository,
  seed,
  kills,
  parts,
  patienceMs = 90_000,
}: CrashPlan): Promise<CrashReport> {
  await using ended = new AsyncDisposableStack()
  const platform = await startPlatform(root)
  ended.defer(() => platform.down())
  const violations: string[] = []
  const killed: Record<string, number> = {}
  const producer = await startProducer(platform, { everyMs: 10 })
  ended.defer(() => producer.stop())
  const work = startWorkload(platform)
  ended.defer(async () => void (await work.stop()))
  const checkpoints = collectCheckpoints(platform)
  ended.defer(async () => void (await checkpoints.stop()))

  const stuck = (error: Error): undefined => void violations.push(`stuck: ${error.message}`)
  const random = seededRandom(seed)
  for (let done = 0; done < kills; ) {
    await systemClock.sleep(pauseMs.min + random() * (pauseMs.max - pauseMs.min))
    const part = parts[Math.floor(random() * parts.length)] as 'server'
    if (!(await platform.kill(part))) continue
    killed[part] = (killed[part] ?? 0) + 1
    done += 1
  }
  const acts = await work.stop()
  const produced = await finishProducer(producer, patienceMs, violations)
  const isSettled = await settle(platform, patienceMs).catch(stuck)
  const openats = await eventually('the sensor to report', () => quietCount(platform, 'openat'), patienceMs).catch(
    stuck,
  )
  const notes = await checkpoints.stop()
  const ledger = await readLedger(platform, violations)
  const report = { acts: acts.length, acknowledged: produced, kills: killed, checkpoints: notes.size }
  if (ledger === undefined) return { violations, ...report, actsInLedger: 0, actsInGaps: 0 }
  checkProducer(ledger, producer.chain, produced, violations)
  checkCheckpoints(ledger, notes, violations)
  const counted = checkActs(ledger, acts, violations)
  if (isSettled && openats !== undefined) checkCounts(ledger, 'openat', openats, violations)
  return { violations, ...report, ...counted }
}

async function finishProducer(producer: Producer, patienceMs: number, violations: string[]): Promise<number> {
  const { sealed, acknowledged } = await producer.finish(patienceMs)
  if (acknowledged < sealed)
    violations.push(`stuck: the producer sealed ${sealed} lines, and ${acknowledged} were acknowledged`)
  return acknowledged
}

function startWorkload(platform: Platform): { stop(): Promise<Act[]> } {
  const log = join(platform.data, 'acts.ndjson')
  const file = join(platform.run, watchedFolder, 'workload')
  writeFileSync(file, '')
  const argv = ['--rate', String(actsPerSecond), '--seconds', '3600', '--log', log, '--file', file]
  const child = spawn(join(repository, 'apps/sensor/build/workload'), argv, { stdio: 'inherit' })
  return {
    stop: async () => {
      child.kill('SIGTERM')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      const rows = (await readFile(log, 'utf8')).trimEnd().split('\n')
      return rows.map((row) => {
        const { name, site, beforeNs, afterNs } = JSON.parse(row) as Record<string, string>
        return { name, site, beforeNs: BigInt(beforeNs as string), afterNs: BigInt(afterNs as string) } as Act
      })
    },
  }
}

/** Every checkpoint that anybody could have seen. */
function collectCheckpoints(platform: Platform): { stop(): Promise<Set<string>> } {
  const notes = new Set<string>()
  const stop = new AbortController()
  const collecting = (async () => {
    while (!stop.signal.aborted) {
      const note = await readFile(join(platform.data, 'server/ledgers/tenant-default/checkpoint'), 'utf8').catch(
        () => undefined,
      )
      if (note !== undefined) notes.add(note)
      await systemClock.sleep(50, stop.signal)
    }
  })()
  return {
    stop: async () => {
      stop.abort()
      await collecting
      return notes
    },
  }
}

type AgentStatus = {
  readonly time: string
  readonly pid: number
  readonly health: string
  readonly sensor: {
    readonly connected: boolean
    readonly sites: Record<string, Record<'produced' | 'dropped' | 'sent', string>>
  } | null
  readonly chains: readonly { readonly nextSeq: number; readonly acknowledged: number }[]
}

export const agentStatus = async (platform: Platform) =>
  JSON.parse(await readFile(join(platform.run, 'agent/status.json'), 'utf8')) as AgentStatus

/** The sensor reports each second, and the agent writes its status each second. */
const reportedMs = 2_500

/**
 * Doctor reads its own acts back from the ledger, and everything goes one way in order: what was done before is then in
 * the ledger too. Afterwards the agent's status must be newer than that.
 */
export async function settle(platform: Platform, patienceMs: number): Promise<true> {
  const isGreen = async () => ((await platform.sealwatch('doctor')).code === 0 ? true : undefined)
  await eventually('doctor to be green', isGreen, patienceMs)
  return reported(platform, patienceMs)
}

/** What the agent's status says is of after this call: on a full disk, or while the agent is down, an old one stands there. */
export function reported(platform: Platform, patienceMs: number): Promise<true> {
  const sinceMs = systemClock.nowMs()
  const isReported = async () => Date.parse((await agentStatus(platform)).time) > sinceMs + reportedMs || undefined
  return eventually('the agent to report', isReported, patienceMs)
}

/** What the kernel counted at a site, once everything of it has been sent. */
export async function quietCount(platform: Platform, site: string): Promise<bigint | undefined> {
  const counts = (await agentStatus(platform)).sensor?.sites[site]
  if (counts === undefined) return undefined
  const { produced, dropped, sent } = counts
  return BigInt(produced as string) === BigInt(dropped as string) + BigInt(sent as string)
    ? BigInt(produced as string)
    : undefined
}

export type LedgerView = { readonly lines: readonly Line[]; readonly roots: ReadonlyMap<number, string> }

/** Undefined where the server does not give it out. */
export async function readLedger(platform: Platform, violations: string[]): Promise<LedgerView | undefined> {
  const file = join(platform.data, 'all.bundle')
  const exported = await platform.sealwatch('audit', 'export', '--all', '-o', file)
  if (exported.code !== 0) return void violations.push(`export: ${exported.stderr}`)
  const verified = await platform.sealwatch('audit', 'verify', file, '--json')
  if (verified.code !== 0) violations.push(`verify: ${verified.stdout}${verified.stderr}`)
  const frontier = createFrontier(sha256)
  const roots = new Map<number, string>()
  const lines: Line[] = []
  for await (const row of createInterface({ input: createReadStream(file) })) {
    const record = JSON.parse(row) as JsonObject
    if ('seq' in record) lines.push(record as unknown as Line)
    for (const hash of (record.leaves as { hashes?: string[] } | undefined)?.hashes ?? []) {
      frontier.append(Uint8Array.fromHex(hash))
      roots.set(frontier.size, frontier.root().toBase64())
    }
  }
  return { lines, roots }
}

function checkProducer({ lines }: LedgerView, chain: string, acknowledged: number, violations: string[]): void {
  const times = new Map<number, number>()
  for (const line of lines) if (line.chain === chain) times.set(line.seq, (times.get(line.seq) ?? 0) + 1)
  for (let seq = 0; seq < acknowledged; seq += 1) {
    const found = times.get(seq) ?? 0
    if (found !== 1)
      violations.push(`${found === 0 ? 'lost' : 'doubled'}: acknowledged line ${seq} is ${found} times in the ledger`)
  }
}

function checkCheckpoints({ roots }: LedgerView, notes: ReadonlySet<string>, violations: string[]): void {
  for (const note of notes) {
    const { size, root } = parseCheckpoint(parseNote(note, 'reading a checkpoint').text, 'reading a checkpoint')
    if (roots.get(size) !== root.toBase64())
      violations.push(`rewritten: the checkpoint of size ${size} is not extended`)
  }
}

const eventsOf = ({ lines }: LedgerView) =>
  lines.flatMap((line) => ('event' in line ? [line.event as unknown as EventView] : []))
export type EventView = {
  readonly count?: number
  readonly end_time?: number
  readonly actor?: { readonly process?: { readonly name?: string; readonly cmd_line?: string } }
  readonly unmapped?: {
    readonly site?: string
    readonly gap?: {
      readonly from: string
      readonly to: string
      readonly lost: Record<string, number> | null
      readonly unseen?: readonly string[]
    }
    readonly drop?: { readonly from: string; readonly to: string; readonly dropped: Record<string, number> }
    readonly shed?: { readonly from: string; readonly to: string; readonly sites: Record<string, number> }
  }
}

/** How many of the sensor's frames an event tells of: equal acts of one read are one (docs/formats/event.md, 3.20). */
export const framesOf = ({ count = 1, end_time }: EventView): number => (end_time === undefined ? 1 : count)

/** Every act is in the ledger once, or falls into an interval that the ledger itself declares unknown. */
function checkActs(ledger: LedgerView, acts: readonly Act[], violations: string[]) {
  const seen = new Map<string, number>()
  const intervals: { from: bigint; to: bigint; hides: (site: string) => boolean }[] = []
  for (const { actor, unmapped } of eventsOf(ledger)) {
    const { name = '', cmd_line = '' } = actor?.process ?? {}
    const act = unmapped?.site === 'exec' ? /^workload (w\d+)$/.exec(cmd_line)?.[1] : name
    if (act !== undefined) seen.set(`${unmapped?.site} ${act}`, (seen.get(`${unmapped?.site} ${act}`) ?? 0) + 1)
    const interval = unmapped?.gap ?? unmapped?.drop ?? unmapped?.shed
    // Where programs went on without their sensor, what is in no line must be among what is lost.
    const { unseen, lost } = unmapped?.gap ?? {}
    const hides = (site: string) => unseen === undefined || unseen.includes(site) || (lost?.[site] ?? 0) > 0
    if (interval !== undefined)
      intervals.push({ from: parseRfc3339(interval.from) ?? 0n, to: parseRfc3339(interval.to) ?? 0n, hides })
  }
  const offsetNs = systemClock.nowNs() - BigInt(Math.round(Number(bootSeconds()) * 1e9))
  let actsInLedger = 0
  let actsInGaps = 0
  for (const { name, site, beforeNs, afterNs } of acts) {
    const found = seen.get(`${site} ${name}`) ?? 0
    const from = beforeNs + offsetNs
    const to = afterNs + offsetNs
    const isDeclared = intervals.some((gap) => gap.hides(site) && from <= gap.to + slackNs && to >= gap.from - slackNs)
    if (found > 1) violations.push(`doubled: ${site} by ${name} is ${found} times in the ledger`)
    else if (found === 1) actsInLedger += 1
    else if (isDeclared) actsInGaps += 1
    else violations.push(`lost: ${site} by ${name} is neither in the ledger nor in an unknown interval`)
  }
  return { actsInLedger, actsInGaps }
}

const bootSeconds = () => readUptime().split(' ')[0] as string
const readUptime = () => readFileSync('/proc/uptime', 'latin1')

/** produced = in the ledger + shed + dropped + lost in unknown intervals, to the last one. */
export function checkCounts(ledger: LedgerView, site: string, produced: bigint, violations: string[]): void {
  let delivered = 0
  let lost = 0
  let dropped = 0
  let shed = 0
  for (const event of eventsOf(ledger)) {
    const { unmapped } = event
    if (unmapped?.site === site) delivered += framesOf(event)
    lost += unmapped?.gap?.lost?.[site] ?? 0
    dropped += unmapped?.drop?.dropped[site] ?? 0
    shed += unmapped?.shed?.sites[site] ?? 0
  }
  if (BigInt(delivered + shed + lost + dropped) === produced) return
  const told = `${delivered} in the ledger + ${shed} shed + ${lost} lost + ${dropped} dropped`
  violations.push(`unaccounted: ${site} produced ${produced}; ${told}`)
}

/** mulberry32: small, and the same everywhere. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
