// SPDX-License-Identifier: Apache-2.0

import { appendFileSync, rmSync, statSync } from 'node:fs'
import process from 'node:process'
import { type Clock, createLog, type Log, systemDisk, takeLock } from '@sealwatch/base'
import { adminOf } from '../admin.ts'
import { cliError, cliErrors } from '../errors.ts'
import { readJsonFile } from '../json-file.ts'
import { dataFlag, fileOf, type Place } from '../place.ts'
import { type ServerStatus, saysRevoked, type Trust } from '../status/types.ts'
import { createAgentLine } from './agent-line.ts'
import { baselineEveryMs, createBaselineSchedule } from './baseline-schedule.ts'
import { builtInLogin, firstLink, wantsBuiltIn } from './built-in-login.ts'
import { type Joined, refuseJoined, serverText } from './joined.ts'
import { prepareData, prepareFolders, prepareRun, type RunFolders, removeRun, serviceViewOf } from './layout.ts'
import { endLeftovers } from './leftovers.ts'
import { boundLog, lastError, lastWords } from './logs.ts'
import { oomScores } from './out-of-memory.ts'
import { type Part, type RunningPart, startPart } from './part.ts'
import { type PartSettings, partsOf } from './parts.ts'
import { keptPort, preferPort, requireFreePort } from './port.ts'
import { giveRank, rankOf } from './rank.ts'
import { agentStatusOf, awaitReady, type Progress } from './readiness.ts'
import {
  bootId,
  readInstance,
  removeSupervisors,
  type SupervisorRecord,
  supervisorFiles,
  writeRecord,
} from './record.ts'
import { type Task, taskOf } from './task.ts'
import { openToldWatchList, type ToldWatchList } from './told-watch-list.ts'
import { watchedPaths } from './watch-list.ts'
import { createWatchdog } from './watchdog.ts'

export type Ports = {
  /** For agents: of this machine. */
  readonly address: string
  /** For agents. */
  readonly port: number
  /** Wanted for the API and the dashboard; another is taken where it is not free. */
  readonly apiPort: number
}

export type Supervised = Ports & {
  /** The server elsewhere that this machine has joined; left out: a server runs here. */
  readonly joined?: Joined | undefined
  readonly place: Place
  readonly root: string
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** Fires when all shall stop; `kill` when that takes too long for whoever waits. */
  readonly stop: AbortSignal
  readonly kill: AbortSignal
  readonly report: (progress: Progress) => void
  readonly notice: (text: string) => void
  readonly onReady: (way: WayIn) => void
  /** What to run; a test gives its own. */
  readonly parts?: (settings: PartSettings) => readonly Part[]
}

/** Where the dashboard is, and the one-time link to it where this machine signs people in. */
export type WayIn = { readonly dashboard: string; readonly link: string | undefined }

/** Where nobody else listens. */
export const hereAlone = '127.0.0.1'
const startMsMax = 60_000
/** A part that dies this often before all are ready will not come up by trying again. */
const startDeathsMax = 3
const tendMs = 10_000
const toldEveryMs = 1_000
/** With sockets in RUN. */
const listening: readonly string[] = ['server', 'agent', 'guard', 'hands']

/** Runs the instance until `stop` fires. Throws when it cannot start; nothing is left running then. */
export async function supervise(given: Supervised): Promise<void> {
  const { place, clock } = given
  prepareData(place)
  const lock = await takeInstance(given)
  try {
    for (const name of await endLeftovers(place, clock))
      given.notice(`ended the ${name} that a killed instance had left`)
    if (given.joined === undefined) {
      await refuseJoined(place)
      await requireFreePort(given.address, given.port)
    }
    prepareFolders(place)
    await runParts(given, createLog('supervisor', logWriter(place), clock.nowMs))
  } finally {
    rmSync(fileOf.instance(place), { force: true })
    removeRun(place)
    await lock.release()
  }
}

/** Parts must go on, and be started again, also while the disk is full: what cannot be written is left out. */
function logWriter(place: Place): (line: string) => void {
  return (line) => {
    try {
      appendFileSync(fileOf.log(place, 'supervisor'), line, { mode: 0o600 })
    } catch {
      // The parts write logs of their own.
    }
  }
}

async function takeInstance({ place, version, port, joined, clock }: Supervised) {
  const attempted = `starting on ${place.data}`
  const lock = await takeLock(fileOf.lock(place)).catch((cause: NodeJS.ErrnoException) => {
    throw cliError('CLI_DATA_UNUSABLE', { attempted, received: cause.code, cause })
  })
  if (lock === undefined) {
    const other = await readInstance(place)
    const received =
      other === undefined ? 'an instance that is just starting' : `pid ${other.pid} on port ${other.port}`
    const data = dataFlag(place)
    const advice = `Use the one that runs (sudo ./sealwatch status${data}), or stop it (sudo ./sealwatch down${data})`
    throw cliError('CLI_ALREADY_RUNNING', { attempted, received, advice })
  }
  const started = new Date(clock.nowMs()).toISOString()
  writeRecord(fileOf.instance(place), {
    version,
    pid: process.pid,
    port,
    joined: joined && serverText(joined),
    runDir: place.run,
    started,
  })
  return lock
}

async function runParts(given: Supervised, log: Log): Promise<void> {
  const { place, joined, clock, root, address, port, env } = given
  const apiPort = await keptPort(fileOf.apiPort(place), hereAlone, given.apiPort)
  const isOpen = joined === undefined && wantsBuiltIn(env)
  const login = isOpen ? builtInLogin(await preferPort(hereAlone, apiPort + 1)) : undefined
  const specs = (given.parts ?? partsOf)({
    place,
    view: serviceViewOf(place),
    root,
    joined,
    address,
    port,
    apiPort,
    login,
    env,
    watch: watchedPaths(place, root),
  })
  const toldList = openToldWatchList(place, log)
  const logStarts = new Map(specs.map((part) => [part.name, statSync(part.log, { throwIfNoEntry: false })?.size ?? 0]))
  const self: Task = taskOf(process.pid) ?? { pid: process.pid, startTicks: 0 }
  const started = new Date(clock.nowMs()).toISOString()
  let folders = prepareRun(place)
  let phase: SupervisorRecord['phase'] = 'starting'
  const running: RunningPart[] = []
  const failure = new AbortController()
  /** Each was let into the folder of its name as that was. */
  const beginAnewIn = (now: RunFolders) => {
    const others = listening.filter((name) => now.get(name) !== folders.get(name))
    folders = now
    if (others.length === 0) return
    log.error('folders of the run directory are others than before, or had vanished: who listens there starts again', {
      folders: others,
    })
    for (const part of running) if (others.includes(part.state().name)) part.restart('SIGTERM')
  }
  /** The parts must go on also where RUN has vanished or a disk is full; what is written later makes up for it. */
  const keepRecord = () => {
    const parts = running.map((part) => part.state())
    try {
      if (phase !== 'stopping') beginAnewIn(prepareRun(place))
    } catch (error) {
      log.error('the run directory cannot be made anew', { error })
    }
    for (const path of supervisorFiles(place)) {
      try {
        writeRecord(path, { boot: bootId(), task: self, phase, started, parts })
      } catch (error) {
        log.error('the record of what runs cannot be written', { path, error })
      }
    }
    return parts
  }
  const onChange = () => {
    const parts = keepRecord()
    if (phase === 'starting' && parts.some((part) => part.restarts >= startDeathsMax)) failure.abort()
  }
  const line = createAgentLine({
    partSilent: (part) => watchdog.partSilent(part),
    checkSealed: (digest, endedMs) => schedule.sealed(digest, endedMs),
  })
  const schedule = createBaselineSchedule({
    place,
    root,
    env,
    everyMs: baselineEveryMs(env),
    tell: line.tellCheck,
    clock,
    log,
  })
  const traced = env.SEALWATCH_TRACED_PARTS === 'leave' ? 'leave' : 'kill'
  const refused = giveRank(process.pid, { oomScore: oomScores.supervisor })
  if (refused !== undefined) log.warn('the kernel may end the supervisor for want of memory', { refused })
  const rank = rankOf(process.pid)
  const watchdog = createWatchdog({ parts: running, self, rank, line, traced, clock, log })
  for (const spec of specs.toReversed()) {
    const surroundings = { rank, clock, log, onChange, onLine: line.connect, onBack: watchdog.ended }
    running.unshift(startPart(spec, surroundings))
  }
  const over = new AbortController()
  const watching = watchdog.run(over.signal)
  const onKill = () => {
    for (const part of running) part.kill()
  }
  given.kill.addEventListener('abort', onKill)
  try {
    const patience = new AbortController()
    const late = clock.sleep(startMsMax, patience.signal).then(() => failure.abort())
    const signal = AbortSignal.any([given.stop, failure.signal])
    const agent = running.find((part) => part.state().name === 'agent') as RunningPart
    const isStarted = running.some((part) => part.state().name === 'dev-login')
    const ready = await awaitReady({
      place,
      admin: joined === undefined ? adminOf(place) : undefined,
      parts: { agent },
      login: isStarted ? login : undefined,
      isGuarded: running.some((part) => part.state().name === 'guard'),
      clock,
      signal,
      giveUp: () => failure.abort(),
      report: given.report,
    })
    patience.abort()
    void late
    if (ready === undefined && !given.stop.aborted) {
      const trouble = (await agentStatusOf({ place, parts: { agent } }))?.trouble?.text
      throw startFailed(specs, running, logStarts, joined && { ...joined, trouble })
    }
    if (ready !== undefined) {
      const { server } = ready
      if (server !== undefined) await pinTrust(place, server, given.notice)
      phase = 'ready'
      onChange()
      log.info('ready', { port, ms: clock.nowMs() - Date.parse(started) })
      given.onReady({ dashboard: server?.api ?? '', link: isStarted ? await firstLink(place, given) : undefined })
      const sensor = running.find((part) => part.state().name === 'sensor')
      await Promise.all([tend(specs, given, keepRecord), followTold(toldList, sensor, given), schedule.run(given.stop)])
    }
  } finally {
    phase = 'stopping'
    over.abort()
    await watching
    line.stopping()
    onChange()
    // The sensor first, so that the agent has all it said; then the agent, so that the server has all that it sealed.
    for (const part of running) await part.stop()
    onChange()
    log.info('stopped')
    given.kill.removeEventListener('abort', onKill)
    removeSupervisors(place)
  }
}

async function tend(specs: readonly Part[], { clock, stop, place }: Supervised, keepRecord: () => void): Promise<void> {
  const logs = [...specs.map((part) => part.log), fileOf.log(place, 'supervisor')]
  while (!stop.aborted) {
    for (const path of logs) boundLog(path)
    keepRecord()
    await clock.sleep(tendMs, stop)
  }
}

/** The sensor reads its lists when it starts: one that was told another ends in good order, and is back at once. */
async function followTold(
  list: ToldWatchList,
  sensor: RunningPart | undefined,
  { clock, stop }: Supervised,
): Promise<void> {
  while (!stop.aborted) {
    if (list.look()) sensor?.restart('SIGTERM')
    await clock.sleep(toldEveryMs, stop)
  }
}

function startFailed(
  specs: readonly Part[],
  running: readonly RunningPart[],
  logStarts: ReadonlyMap<string, number>,
  joined: (Joined & { readonly trouble: string | undefined }) | undefined,
): Error {
  const states = running.map((part) => part.state())
  const worst = states.toSorted((a, b) => b.restarts - a.restarts)[0]
  const died = worst !== undefined && worst.restarts > 0
  // Where the server is elsewhere, the agent knows what it said.
  const told = died || joined === undefined ? worst?.name : 'agent'
  const part = specs.find((spec) => spec.name === told) ?? specs[0]
  const since = logStarts.get(part?.name ?? '')
  const tail = part === undefined ? [] : lastWords(part.log, 3, since)
  const advice = `The log says why: ${part?.log}${tail.map((line) => `\n  ${line}`).join('')}`
  if (joined !== undefined && !died) return joinFailed(joined)
  const reason = part !== undefined && died ? lastError(part.log, since) : undefined
  return cliError('CLI_START_FAILED', {
    attempted: died ? `starting the ${worst.name}` : `waiting ${startMsMax / 1000} s for all parts`,
    received: died
      ? `${worst.lastExit}, ${worst.restarts + 1} times${reason === undefined ? '' : `: ${reason}`}`
      : undefined,
    advice,
  })
}

/** What the server says it says whole: its advice comes last, and what is received is cut. */
function joinFailed({ trouble, ...joined }: Joined & { readonly trouble: string | undefined }): Error {
  const attempted = `joining ${serverText(joined)}`
  if (trouble === undefined)
    return cliError('CLI_JOIN_FAILED', { attempted, received: `no answer within ${startMsMax / 1000} s` })
  const more = saysRevoked(trouble) ? '' : `\n${cliErrors.CLI_JOIN_FAILED.advice}`
  return cliError('CLI_JOIN_FAILED', { attempted, advice: `${trouble}${more}` })
}

/** The first keys seen are the ones to trust; others later are for a person to judge, never silently adopted. */
async function pinTrust(place: Place, status: ServerStatus, notice: (text: string) => void): Promise<void> {
  const path = fileOf.trust(place)
  const pinned = await readJsonFile<Trust>(path)
  if (pinned === undefined) {
    await systemDisk.replace(path, `${JSON.stringify(status.trust, undefined, 2)}\n`, 0o644)
  } else if (JSON.stringify(pinned.ledgerKeys) !== JSON.stringify(status.trust.ledgerKeys)) {
    notice(`the server's ledger keys are not those pinned in ${path}: proofs will not verify until a person decides`)
  }
}
