// SPDX-License-Identifier: Apache-2.0

import { clip } from '@sealwatch/contract'
import { frameLimits } from '../sources/frame-errors.ts'
import type { Observation, TargetRef, Task, TaskRef } from '../sources/observation.ts'
import { asksToBeTraced, takesHold } from './ptrace.ts'

/** One process as /proc shows it. Start times there have the clock's ticks, the kernel's frames nanoseconds. */
export type ProcessRow = {
  readonly pid: number
  /** Field 22 of /proc/PID/stat, in ticks of 10 ms (USER_HZ is 100 on every Linux). */
  readonly startTicks: bigint
  readonly exe: string | null
  readonly argv: readonly string[]
  /** A secret was taken out of the arguments. */
  readonly redacted?: boolean
  readonly uid: number
}

/** What is remembered of a process: for display, and to tell one's own children from strangers. */
export type KnownProcess = {
  readonly startNs: bigint
  readonly exe: string | null
  readonly cmdLine: string | null
  /** A secret was taken out of `cmdLine`. */
  readonly redacted: boolean
  readonly uid: number
  readonly ancestors: readonly TaskRef[]
  /** As it acted last, by the kernel's word; undefined when it has only been seen in /proc. */
  readonly task: Task | undefined
  /** CLOCK_BOOTTIME since when it surely runs its present image. */
  readonly imageSinceNs: bigint
  /** It has run execve, or was there before us: its image need not be its parent's. */
  readonly executed: boolean
}

export type ProcessTable = {
  find(ref: { readonly pid: number; readonly startNs: bigint }): KnownProcess | undefined
  /** The last one known that had this number: for what is told of a process that ended unseen, and proves nothing. */
  lastOf(pid: number): KnownProcess | undefined
  /** Takes in what /proc showed at `atNs`; what is known already is known better. */
  seed(rows: readonly ProcessRow[], atNs: bigint): void
  /** Call before `observe`, once for each observation, in order. */
  learn(observation: Observation): void
  /** Of an actor of whom a source knows the pid alone: who that is, as it acted last. */
  recall(actor: Task): Task
  /** Who holds this process by ptrace, as far as was seen; letting go is not seen. */
  tracerOf(ref: { readonly pid: number; readonly startNs: bigint }): TaskRef | undefined
  readonly size: number
}

export const processTableLimits = {
  /** The least recently active are forgotten beyond this; costs about 1 KiB each. */
  processesMax: 8_192,
  /** Exits between a process's end and its being forgotten: late frames about it still find it. */
  exitsRemembered: 1_024,
  /** The longest held are forgotten beyond this. */
  tracedMax: 1_024,
  cmdLineUnitsMax: 1_024,
} as const

const tickNs = 10_000_000n
/** Start times by /proc are known to 10 ms; those by BPF programs are nanoseconds, of which one in ten million looks so too. */
export const isSameStart = (one: bigint, other: bigint): boolean =>
  one === other || (one / tickNs === other / tickNs && (one % tickNs === 0n || other % tickNs === 0n))

export function createProcessTable(limits: { [L in keyof typeof processTableLimits]: number }): ProcessTable {
  // In a Map the insertion order is the order of use: whoever acts is put at the end.
  const processes = new Map<number, KnownProcess>()
  const exited = new Map<number, bigint>()
  const tracers = new Map<string, TaskRef>()

  const find: ProcessTable['find'] = ({ pid, startNs }) => {
    const known = processes.get(pid)
    return known !== undefined && isSameStart(known.startNs, startNs) ? known : undefined
  }

  const put = (pid: number, known: KnownProcess) => {
    processes.delete(pid)
    processes.set(pid, known)
    if (processes.size > limits.processesMax) dropOldest(processes)
  }

  const forgetLater = (pid: number, startNs: bigint) => {
    exited.delete(pid)
    exited.set(pid, startNs)
    if (exited.size <= limits.exitsRemembered) return
    const [oldest] = exited as Iterable<[number, bigint]>
    if (oldest === undefined) return
    exited.delete(oldest[0])
    // The pid may have been given to another process since.
    if (find({ pid: oldest[0], startNs: oldest[1] })) processes.delete(oldest[0])
  }

  /** Until its first exec a process is what its parent was. CLONE_PARENT makes it a sibling instead of a child. */
  const inherit = (maker: Task, child: TargetRef) => {
    const known = find(maker)
    if (known === undefined) return
    put(maker.pid, known)
    const ancestors =
      child.ppid === maker.pid ? [maker, ...known.ancestors].slice(0, frameLimits.ancestorsMax) : known.ancestors
    const { pid, startNs, comm, ppid } = child
    const task = { ...maker, exe: known.exe, pid, tid: pid, startNs, comm, ppid, ancestors }
    put(child.pid, { ...known, startNs, ancestors, task, imageSinceNs: startNs, executed: false })
  }

  return {
    find,
    lastOf: (pid) => processes.get(pid),
    seed(rows, atNs) {
      for (const { pid, startTicks, exe, argv, redacted = false, uid } of rows) {
        const startNs = startTicks * tickNs
        if (processes.has(pid)) continue
        const cmdLine = argv.length === 0 ? null : cmdLineOf(argv, limits.cmdLineUnitsMax)
        const row = { startNs, exe, cmdLine, redacted, uid }
        put(pid, { ...row, ancestors: [], task: undefined, imageSinceNs: atNs, executed: true })
      }
    },
    learn(observation) {
      const { actor, timeNs } = observation
      if (observation.kind === 'overflow') return
      if (observation.kind === 'fork') {
        if (observation.child.startNs > 0n) inherit(actor, observation.child)
        return
      }
      // Told briefly of a process that has been told of before, and may be gone.
      if (observation.kind === 'connect_failed' || observation.kind === 'socket_ended') return
      // Its actor was looked up afterwards: whoever acted is known better from its own acts.
      if (observation.kind === 'file_change' || observation.kind === 'file_denied') return
      // Nobody knows who it was.
      if (actor.startNs === 0n) return
      for (const ancestor of actor.ancestors) {
        const known = find(ancestor)
        if (known) put(ancestor.pid, known)
      }
      const before = find(actor)
      const { startNs, ancestors } = actor
      const { uid } = observation.kind === 'credentials' ? observation.ids : actor
      // Kernels before 6.16 have let go of the image by the time that a process ends.
      const exe = observation.kind === 'exit' ? (actor.exe ?? before?.exe ?? null) : actor.exe
      const now = { startNs, exe, uid, ancestors, task: { ...asItIsNow(observation), exe } }
      if (observation.kind === 'exec') {
        const cmdLine = cmdLineOf(observation.argv, limits.cmdLineUnitsMax)
        const { redacted = false } = observation
        put(actor.pid, { ...now, cmdLine, redacted, imageSinceNs: timeNs, executed: true })
      } else if (before?.exe === exe) put(actor.pid, { ...before, ...now })
      // Seen for the first time, or with an image whose exec we missed: it surely runs it now, no more is known.
      else {
        const unknown = { cmdLine: null, redacted: false }
        put(actor.pid, { ...now, ...unknown, imageSinceNs: timeNs, executed: before !== undefined })
      }
      const hold = observation.kind === 'ptrace' ? holdOf(observation) : undefined
      if (hold) {
        tracers.set(keyOf(hold.held), hold.by)
        if (tracers.size > limits.tracedMax) dropOldest(tracers)
      }
      if (observation.kind === 'exit') {
        tracers.delete(keyOf(actor))
        forgetLater(actor.pid, startNs)
      }
    },
    recall(actor) {
      const known = processes.get(actor.pid)
      if (known === undefined || (actor.startNs !== 0n && !isSameStart(actor.startNs, known.startNs))) return actor
      const { task, exe, uid, startNs } = known
      return task ?? { ...actor, startNs, exe, ...(actor.startNs === 0n && { uid }) }
    },
    tracerOf: (ref) => tracers.get(keyOf(ref)),
    get size() {
      return processes.size
    },
  }
}

/** Arguments as one string, the way Sigma rules expect them: joined by spaces, nothing quoted. */
export function cmdLineOf(argv: readonly string[], unitsMax: number): string {
  return clip(argv.join(' '), unitsMax)
}

/** The actor after its act, which may be that it changed its name or its ids. */
function asItIsNow(observation: Observation): Task {
  const { actor } = observation
  if (observation.kind === 'rename') return { ...actor, comm: observation.to }
  if (observation.kind !== 'credentials') return actor
  const { uid, euid, gid } = observation.ids
  return { ...actor, uid, euid, gid }
}

type Hold = { readonly held: TaskRef; readonly by: TaskRef }

function holdOf({ actor, target, request, result }: Extract<Observation, { kind: 'ptrace' }>): Hold | undefined {
  if (result < 0) return undefined
  const [parent] = actor.ancestors
  if (asksToBeTraced(request)) return parent && { held: actor, by: parent }
  return takesHold(request) ? { held: target, by: actor } : undefined
}

function keyOf({ pid, startNs }: { readonly pid: number; readonly startNs: bigint }): string {
  return `${pid}:${startNs}`
}

function dropOldest<K>(map: Map<K, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key)
    return
  }
}
