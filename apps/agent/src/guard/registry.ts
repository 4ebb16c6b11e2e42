// SPDX-License-Identifier: Apache-2.0

import { type GuardStep, guardSteps, type ProtectedBy, type ProtectedEntry } from '@sealwatch/contract/guard-config'
import { isSameStart } from '../observe/process-table.ts'
import type { Observation, Site, TaskRef } from '../sources/observation.ts'
import { isSameProcess, type ProcessKey, type ProtectedProcess } from './act.ts'

/** A process as /proc shows it to everybody; of its image only who looked as root knows. */
export type ProcessLook = ProcessKey & {
  readonly ppid: number
  readonly comm: string
  readonly uid: number
  readonly exe: string | null
  /** Of systemd, outside of any container. */
  readonly units: readonly string[]
  /** Of its container, as KEY=VALUE. */
  readonly labels: readonly string[]
}

/** `self`: it asked for itself; `own`: a part of Sealwatch; `parent`: it was made by one that is protected, and has its memory. */
export type RegisteredBy = ProtectedBy | 'self' | 'own' | 'parent'
export type Registered = { readonly process: ProtectedProcess; readonly by: RegisteredBy; readonly id: string }
export type UnregisteredCause = 'ended' | 'other_program' | 'config'
export type Change =
  | { readonly kind: 'protected'; readonly registered: Registered }
  | { readonly kind: 'unprotected'; readonly registered: Registered; readonly cause: UnregisteredCause }

/** By its user, or by its pid. */
export type OwnPart = { readonly name: string } & ({ readonly uid: number } | { readonly pid: number })

/** Answers of protect.md, 5. */
export type NotRegistered = 'full' | 'other_name' | 'name_taken'

export type Registry = {
  /** What people say is to be protected, in the place of what they said before. */
  setEntries(entries: readonly ProtectedEntry[]): Change[]
  /**
   * All that ran a moment ago; `pidFiles`: what stands in the files of the entries. `isThere` is asked of whoever is held and was not
   * among them: it may be younger.
   */
  look(
    processes: readonly ProcessLook[],
    pidFiles: ReadonlyMap<string, number>,
    isThere?: (process: ProcessKey) => boolean,
  ): Change[]
  /** Starts, ends and forks. */
  learn(observation: Seen): Change[]
  /** A process asks for itself, at that moment of CLOCK_BOOTTIME. */
  register(self: SelfRegistration, nowNs: bigint): Registered | NotRegistered
  at(process: ProcessKey): Registered | undefined
  now(pid: number): Registered | undefined
  /** The first that runs this program. */
  program(path: string): Registered | undefined
  /** Another with each change of who is held. */
  readonly version: number
  readonly all: readonly Registered[]
  /** Programs whose starts are to be told: those of the entries. */
  readonly images: readonly string[]
  readonly entries: readonly ProtectedEntry[]
  /** Processes that would be protected if there were room. */
  readonly unheld: number
}

export type SelfRegistration = ProcessKey & {
  readonly comm: string
  readonly name: string
  readonly uid: number
  readonly exe: string | null
  /** What it can do itself. */
  readonly steps: readonly GuardStep[]
}

/** As many as the sensor takes (frame.md, 11.5), and protect.md says (3.5). */
export const registryLimits = { processesMax: 4_096, selfMax: 1_024, selfOfUserMax: 64 } as const

/** Of the names of parts of ours; without it they are theirs as well. */
const ownPrefix = 'sealwatch-'

type Seen = Observation & { readonly site?: Site }
type SeenExec = Extract<Seen, { readonly kind: 'exec' }>
type Held = Registered & {
  readonly uid: number
  readonly entry: ProtectedEntry | undefined
  /** When it asked for itself. */
  readonly askedNs?: bigint
}

export function createRegistry(options: {
  /** Protected by default, by their users. */
  readonly own: readonly OwnPart[]
  readonly newId: () => string
  readonly limits?: { readonly [L in keyof typeof registryLimits]: number }
}): Registry {
  const { own, newId, limits = registryLimits } = options
  const held = new Map<number, Held>()
  let entries: readonly ProtectedEntry[] = []
  let unheld = 0
  let version = 0

  const at = (process: ProcessKey): Held | undefined => {
    const found = held.get(process.pid)
    return found !== undefined && isSameStart(found.process.startNs, process.startNs) ? found : undefined
  }

  function protect(look: ProcessLook, by: RegisteredBy, entry: ProtectedEntry | undefined, of: Entry): Change[] {
    if (held.size >= limits.processesMax && !held.has(look.pid)) {
      unheld += 1
      return []
    }
    const { pid, startNs, comm, exe, uid } = look
    const one: Held = { process: { pid, startNs, comm, exe, ...of }, by, id: newId(), uid, entry }
    held.set(pid, one)
    version += 1
    return by === 'parent' ? [] : [{ kind: 'protected', registered: one }]
  }

  function release(one: Held, cause: UnregisteredCause): Change[] {
    if (held.get(one.process.pid) === one) held.delete(one.process.pid)
    version += 1
    return one.by === 'parent' ? [] : [{ kind: 'unprotected', registered: one, cause }]
  }

  /** The first of the entries that names it, else a part of ours. */
  function find(look: ProcessLook, pidFiles: ReadonlyMap<string, number>) {
    const entry = entries.find((one) => isNamed(one, look, pidFiles))
    if (entry !== undefined) return { by: byOf(entry), entry, of: { name: entry.name, steps: entry.steps ?? killOnly } }
    const part = own.find((one) => ('pid' in one ? one.pid === look.pid : one.uid === look.uid))
    return part && { by: 'own' as const, entry: undefined, of: { name: part.name, steps: killOnly } }
  }

  /** Of another user: whoever has a name is ordered what another of that name is attacked for. */
  function isTaken(name: string, uid: number): boolean {
    if (uid === 0) return false
    const part = own.find((one) => one.name === name || one.name === `${ownPrefix}${name}`)
    if (part !== undefined || name.startsWith(ownPrefix)) return !(part && 'uid' in part && part.uid === uid)
    return held.values().some((one) => one.by === 'self' && one.process.name === name && one.uid !== uid)
  }

  function consider(look: ProcessLook, pidFiles: ReadonlyMap<string, number>): Change[] {
    const found = find(look, pidFiles)
    return found === undefined ? [] : protect(look, found.by, found.entry, found.of)
  }

  return {
    at,
    now: (pid) => held.get(pid),
    program: (path) => (path === '' ? undefined : held.values().find(({ process }) => process.exe === path)),
    get version() {
      return version
    },
    setEntries(next) {
      entries = next
      const left = [...held.values()].filter(
        ({ by, entry }) => by !== 'self' && entry !== undefined && !next.some((one) => isSameEntry(one, entry)),
      )
      return left.flatMap((one) => release(one, 'config'))
    },
    look(processes, pidFiles, isThere = () => false) {
      unheld = 0
      const alive = new Map(processes.map((look) => [look.pid, look]))
      const ended = [...held.values()].filter(({ process }) => {
        const look = alive.get(process.pid)
        return (look === undefined || !isSameProcess(look, process)) && !isThere(process)
      })
      const changes = ended.flatMap((one) => release(one, 'ended'))
      for (const look of processes) if (at(look) === undefined) changes.push(...consider(look, pidFiles))
      return changes
    },
    learn(observation) {
      const { actor } = observation
      if (observation.kind === 'fork') return inherit(actor, observation.child)
      const known = at(actor)
      if (observation.kind === 'examined' && known !== undefined) return identified(known, actor.exe)
      if (observation.kind === 'exit') return known === undefined ? [] : release(known, 'ended')
      if (observation.kind !== 'exec' && observation.kind !== 'examined') return []
      const look = {
        pid: actor.pid,
        startNs: actor.startNs,
        uid: actor.uid,
        comm: actor.comm,
        exe: observation.kind === 'exec' ? observation.file.path : actor.exe,
        ...nowhere,
      }
      if (known === undefined || observation.kind === 'examined')
        return [...overtaken(look), ...consider(look, noFiles)]
      return isWhatAsked(known, observation) ? identified(known, look.exe) : changed(known, look)
    },
    register({ name, uid, steps, ...self }, nowNs) {
      const known = at(self)
      if (known?.by === 'self') {
        if (known.process.name !== name) return 'other_name'
        const again = { ...known, process: { ...known.process, steps: stepsOf(known.entry, steps) }, askedNs: nowNs }
        held.set(self.pid, again)
        return again
      }
      if (isTaken(name, uid)) return 'name_taken'
      const selves = [...held.values()].filter(({ by }) => by === 'self')
      const isFull =
        selves.length >= limits.selfMax ||
        selves.filter((one) => one.uid === uid).length >= limits.selfOfUserMax ||
        (held.size >= limits.processesMax && known === undefined)
      if (isFull) return 'full'
      const entry = known?.entry ?? entries.find((one) => one.name === name)
      const process = {
        pid: self.pid,
        comm: self.comm,
        startNs: known?.process.startNs ?? self.startNs,
        name,
        steps: stepsOf(entry, steps),
      }
      const exe = known?.process.exe ?? self.exe
      const one: Held = { process: { ...process, exe }, by: 'self', id: newId(), uid, entry, askedNs: nowNs }
      held.set(self.pid, one)
      version += 1
      return one
    },
    get all() {
      return [...held.values()]
    },
    get images() {
      return [...new Set(entries.flatMap(({ exe }) => exe ?? []))]
    },
    get entries() {
      return entries
    },
    get unheld() {
      return unheld
    },
  }

  /** It was there before the guard, or registered itself: the examiner knows what it runs. */
  function identified(known: Held | undefined, exe: string | null): Change[] {
    if (known !== undefined && known.process.exe === null)
      held.set(known.process.pid, { ...known, process: { ...known.process, exe } })
    return []
  }

  /** A child has its parent's memory until it runs another program. */
  function inherit(parent: ProcessKey, child: TaskRef): Change[] {
    const known = at(parent)
    if (known === undefined || at(child) !== undefined) return []
    const { exe, name, steps } = known.process
    const look = { ...child, uid: known.uid, exe, ...nowhere }
    return [...overtaken(look), ...protect(look, 'parent', known.entry, { name, steps })]
  }

  /** Another one had that pid, and its end was not told. */
  function overtaken(process: ProcessKey): Change[] {
    const older = held.get(process.pid)
    return older === undefined || isSameProcess(older.process, process) ? [] : release(older, 'ended')
  }

  function changed(known: Held, look: ProcessLook): Change[] {
    const { entry } = known
    const isByProgram = known.by === 'exe' || known.by === 'parent' || known.by === 'self'
    if (!isByProgram || (known.by === 'exe' && entry?.exe === look.exe)) {
      held.set(look.pid, { ...known, process: { ...known.process, exe: look.exe } })
      return []
    }
    return [...release(known, 'other_program'), ...consider(look, noFiles)]
  }
}

/**
 * Whether it is the start of the program that asked, told late. Who looks at all processes again and again knows only what runs by now:
 * another program than was known, or the one that asked.
 */
function isWhatAsked({ askedNs, process }: Held, { site, timeNs, file }: SeenExec): boolean {
  if (askedNs === undefined) return false
  return site === 'proc_poll' ? process.exe === null || process.exe === file.path : timeNs < askedNs
}

type Entry = { readonly name: string; readonly steps: readonly GuardStep[] }

const noFiles: ReadonlyMap<string, number> = new Map()
/** What an exec does not tell; the next look does. */
const nowhere = { ppid: 0, units: [], labels: [] }
/** What takes nobody's help; what a service does itself it says when it registers. */
const killOnly: readonly GuardStep[] = ['kill']

/** What it can do, as far as its entry lets it. */
const stepsOf = (entry: ProtectedEntry | undefined, can: readonly GuardStep[]): readonly GuardStep[] =>
  guardSteps.filter((step) => (step === 'kill' || can.includes(step)) && (entry?.steps?.includes(step) ?? true))

const byOf = (entry: ProtectedEntry): ProtectedBy =>
  entry.exe !== undefined
    ? 'exe'
    : entry.unit !== undefined
      ? 'unit'
      : entry.pid_file !== undefined
        ? 'pid_file'
        : 'container_label'

function isNamed(entry: ProtectedEntry, look: ProcessLook, pidFiles: ReadonlyMap<string, number>): boolean {
  const { exe, unit, pid_file, container_label } = entry
  if (exe !== undefined) return look.exe === exe
  if (unit !== undefined) return look.units.includes(unit)
  if (pid_file !== undefined) return pidFiles.get(pid_file) === look.pid
  return container_label !== undefined && look.labels.includes(container_label)
}

const isSameEntry = (one: ProtectedEntry, other: ProtectedEntry): boolean =>
  JSON.stringify(one) === JSON.stringify(other)
