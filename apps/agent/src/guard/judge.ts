// SPDX-License-Identifier: Apache-2.0

import { constants } from 'node:os'
import { basename } from 'node:path'
import { clip } from '@sealwatch/contract'
import { accessOf } from '../observe/file.ts'
import type { ProcessTable } from '../observe/process-table.ts'
import { asksToBeTraced, ptraceRequest } from '../observe/ptrace.ts'
import { relationOf } from '../observe/relation.ts'
import type { FileChange, Observation, TargetRef, Task } from '../sources/observation.ts'
import { type Act, type Aim, isSameProcess, type ProcessKey, type ProtectedProcess, taskOf } from './act.ts'
import { memoryPidOf } from './memory-path.ts'
import { dumpsItself, opensInspector, optionsOf, runsNode } from './runtime-flags.ts'
import { type Way, ways } from './ways.ts'

/** What is known beside the observation: from memory alone, so that the same is judged the same. */
export type JudgeContext = {
  /** Undefined: that process is not protected. */
  protectedAt(process: ProcessKey): ProtectedProcess | undefined
  /** Whatever of it has that pid now. */
  protectedNow(pid: number): ProtectedProcess | undefined
  /** The first of those that run this program. */
  protectedProgram(path: string): ProtectedProcess | undefined
  /** The first of those in this control group, by its path in its hierarchy. */
  protectedInGroup(path: string): ProtectedProcess | undefined
  /** A part of Sealwatch whose work it is. */
  isOurs(process: ProcessKey): boolean
  /** Whether it handles a signal itself, so that nothing is dumped; undefined: not known. */
  handles(process: ProcessKey, signal: number): boolean | undefined
  /** Code of this kind is what this program has (code-baseline.ts). */
  isUsualCode(process: ProtectedProcess, code: Of<'executable'>): boolean
  /** Whose keys the watched file or folder holds, of which this task is to read nothing; undefined: it holds none, or the task may. */
  keysKeptFrom(task: Task, watched: string): Aim | undefined
  /** Whose program, besides its image, is at or below the watched path. */
  codeOf(watched: string): Aim | undefined
  readonly processes: ProcessTable
}

type Of<K extends Observation['kind']> = Extract<Observation, { kind: K }>
type Found = Pick<Act, 'way' | 'aim'> &
  Partial<Pick<Act, 'actor' | 'reader' | 'isInherited' | 'bytes' | 'error' | 'prevention' | 'detail' | 'severity'>>

const detailUnitsMax = 256

/** Whether somebody reaches for what is protected; undefined: it is normal life, or concerns nobody who is protected. */
export function judge(observation: Observation, context: JudgeContext): Act | undefined {
  const found = find(observation, context)
  if (found === undefined) return undefined
  const { way, aim, actor = observation.actor, reader, bytes = 0, error = 0, prevention, detail = '', severity } = found
  if (isKernel(actor) || context.isOurs(actor)) return undefined
  const { times: more = 0, lastNs = observation.timeNs } = observation.again ?? {}
  return {
    ...{ way, aim, actor, reader, error, prevention },
    ...(found.isInherited && { isInherited: true as const }),
    severity: severity ?? ways[way].severity,
    timeNs: observation.timeNs,
    lastNs,
    times: 1 + more,
    bytes: bytes * (1 + more),
    detail: clip(detail, detailUnitsMax),
  }
}

const kthreadd = 2
/** A thread of the kernel is a child of kthreadd, and runs no program. */
export const isKernel = ({ pid, ppid, exe }: Pick<Task, 'pid' | 'ppid' | 'exe'>): boolean =>
  pid === kthreadd || (ppid === kthreadd && exe === null)

function find(observation: Observation, context: JudgeContext): Found | undefined {
  switch (observation.kind) {
    case 'ptrace':
      return traced(observation, context)
    case 'mem_open':
      return memoryOpened(observation, context)
    case 'vm_read':
    case 'vm_write':
      return copied(observation, context)
    case 'reach':
      return reached(observation, context)
    case 'passed':
      return passed(observation, context)
    case 'perf':
      return sampled(observation, context)
    case 'signal':
      return signalled(observation, context)
    case 'sysctl':
      return settingChanged(observation)
    case 'exec':
      return started(observation, context)
    case 'executable':
      return codeCame(observation, context)
    case 'proc_open':
      return procOpened(observation, context)
    case 'weakened':
      return weakened(observation, context)
    case 'frozen':
      return frozen(observation, context)
    case 'fork':
      return bornTraced(observation, context) ?? inherited(observation, context)
    case 'exit':
      return dumped(observation, context)
    case 'file_open':
      return preloadChanged(observation) ?? keyRead(observation, context)
    case 'file_denied':
      return keyRead(observation, context)
    case 'file_change':
      return preloadChanged(observation) ?? programReplaced(observation, context)
    default:
      return undefined
  }
}

type Aimed = { readonly actor: Task; readonly target: TargetRef }

/** The protected process that is the target of another one; undefined: it is not, or is its own. */
function aimOf({ actor, target }: Aimed, context: JudgeContext): ProtectedProcess | undefined {
  const aim = context.protectedAt(target)
  return aim === undefined || isSameProcess(actor, target) ? undefined : aim
}

const refusal = ({ result, prevented }: { readonly result: number; readonly prevented?: true }) => ({
  error: result < 0 ? -result : 0,
  ...(prevented && { prevention: 'denied' as const }),
})

function traced(observation: Of<'ptrace'>, context: JudgeContext): Found | undefined {
  const { request, actor } = observation
  const { name, activity } = ptraceRequest(request)
  if (asksToBeTraced(request)) {
    const [parent] = actor.ancestors
    const aim = context.protectedAt(actor)
    if (aim === undefined || parent === undefined) return undefined
    const tracer = context.processes.find(parent)?.task ?? taskOf(parent)
    return { way: 'traced_from_birth', aim, actor: tracer, detail: name, ...refusal(observation) }
  }
  const aim = aimOf(observation, context)
  if (aim === undefined) return undefined
  const hold = name === 'PTRACE_SEIZE' ? 'ptrace_seize' : 'ptrace_attach'
  return { way: activity === 'inject' ? 'ptrace_write' : hold, aim, detail: name, ...refusal(observation) }
}

/** A bare fork that looks at its parent, as LeakSanitizer does and canaries of another sensor, has its memory anyway. */
const isFork = (aimed: Aimed, { processes }: JudgeContext) => relationOf(aimed, processes) === 'forked'

function memoryOpened(observation: Of<'mem_open'>, context: JudgeContext): Found | undefined {
  const aim = aimOf(observation, context)
  if (aim === undefined || isFork(observation, context)) return undefined
  const access = accessOf(observation.flags)
  const way = access === 'write' || access === 'read_write' ? 'proc_mem_write' : 'proc_mem_read'
  const { prevented } = observation
  const result = prevented ? -constants.errno.EPERM : 0
  return {
    way,
    aim,
    detail: `/proc/${aim.pid}/mem, ${access}`,
    ...refusal({ result, ...(prevented && { prevented }) }),
  }
}

function copied(observation: Of<'vm_read' | 'vm_write'>, context: JudgeContext): Found | undefined {
  const aim = aimOf(observation, context)
  if (aim === undefined || isFork(observation, context)) return undefined
  const { kind, bytes } = observation
  return { way: kind, aim, bytes, ...refusal(observation) }
}

/** <asm-generic/resource.h>, <asm-generic/mman-common.h> */
const RLIMIT_CORE = 4
const MADV_PAGEOUT = 21

/** Other limits and advice cost a process time, not its memory. */
function reached(observation: Of<'reach'>, context: JudgeContext): Found | undefined {
  const { call, request, taken, target } = observation
  const aim = aimOf(observation, context)
  if (aim === undefined) {
    // Taken out of whoever had opened it: both have it.
    const memory = call === 'pidfd_getfd' ? memoryOf(taken, context) : undefined
    return (
      memory && { way: 'memory_descriptor_passed', aim: memory, reader: target, detail: taken, ...refusal(observation) }
    )
  }
  if (isFork(observation, context)) return undefined
  if (call === 'pidfd_getfd')
    return { way: 'fd_taken', aim, detail: taken || `descriptor ${request}`, ...refusal(observation) }
  if (call === 'prlimit64' && request === RLIMIT_CORE)
    return { way: 'core_limit_raised', aim, detail: 'RLIMIT_CORE', ...refusal(observation) }
  // What is written out to swap lies there for whoever reads the disk.
  if (call === 'process_madvise' && request === MADV_PAGEOUT)
    return { way: 'protection_weakened', aim, detail: 'MADV_PAGEOUT', ...refusal(observation) }
  return undefined
}

function memoryOf(path: string, context: JudgeContext): ProtectedProcess | undefined {
  const pid = memoryPidOf(path)
  return pid === undefined ? undefined : context.protectedNow(pid)
}

/** Who opened it handed it on: whoever was given it is named beside, and stopped as well. */
function passed(observation: Of<'passed'>, context: JudgeContext): Found | undefined {
  const { path, sender, actor } = observation
  const aim = memoryOf(path, context)
  if (aim === undefined || isSameProcess(actor, aim)) return undefined
  const way = 'memory_descriptor_passed'
  // Nobody knows who sent it, or it came back to who is protected and was opened by itself.
  if (sender.pid === 0) return { way, aim, detail: path }
  const from = context.processes.find(sender)?.task ?? taskOf(sender, sender.ppid)
  return { way, aim, actor: from, reader: actor, detail: path }
}

/** Without a target it is of whatever runs on a CPU, and told of by a rule of its own; but for a probe that is put into a program. */
function sampled(observation: Of<'perf'>, context: JudgeContext): Found | undefined {
  const { path = '', type } = observation
  const aim = aimOf(observation, context) ?? context.protectedProgram(path)
  if (aim === undefined) return undefined
  return { way: path === '' ? 'perf' : 'uprobe', aim, detail: path || `type ${type}`, ...refusal(observation) }
}

/** What /proc shows of a process, but its memory: the last part of the path. */
const shows: Readonly<Record<string, Way>> = { environ: 'environ_read', fd: 'fd_listed', map_files: 'map_files' }

/** systemd reads what it started. */
function procOpened(observation: Of<'proc_open'>, context: JudgeContext): Found | undefined {
  const aim = aimOf(observation, context)
  if (aim === undefined || observation.actor.pid === 1) return undefined
  const { path } = observation
  const shown = basename(path)
  const way = Object.hasOwn(shows, shown) ? shows[shown] : undefined
  return { way: way ?? 'maps_read', aim, detail: path }
}

/** By itself: its own code, or what somebody brought into it. */
function weakened({ actor, what, value }: Of<'weakened'>, context: JudgeContext): Found | undefined {
  const aim = context.protectedAt(actor)
  if (aim === undefined || value === 0n) return undefined
  const detail = what === 'dumpable' ? `PR_SET_DUMPABLE ${value}` : 'PR_SET_PTRACER'
  return { way: 'protection_weakened', aim, severity: 'medium', detail }
}

/** systemd does it when the machine sleeps. */
function frozen({ actor, path, frozen: isFrozen }: Of<'frozen'>, context: JudgeContext): Found | undefined {
  const aim = isFrozen && actor.pid !== 1 ? context.protectedInGroup(path) : undefined
  return aim && { way: 'frozen', aim, detail: path }
}

const byPid = (pid: number, { processes }: JudgeContext): Task =>
  processes.lastOf(pid)?.task ?? taskOf({ pid, startNs: 0n, comm: '' })

function bornTraced({ child, tracer }: Of<'fork'>, context: JudgeContext): Found | undefined {
  const aim = tracer === undefined ? undefined : context.protectedAt(child)
  return aim && { way: 'traced_from_birth', aim, actor: byPid(tracer as number, context) }
}

/** Whoever had opened it made another process, which has it, too. */
function inherited({ actor, child, inherited: path }: Of<'fork'>, context: JudgeContext): Found | undefined {
  const aim = path === undefined ? undefined : memoryOf(path, context)
  if (aim === undefined || isSameProcess(actor, aim)) return undefined
  // A fork is told briefly: more of him was told as he opened it.
  const parent = context.processes.find(actor)?.task ?? actor
  const detail = `${path}, to a child`
  return { way: 'memory_descriptor_passed', aim, actor: parent, reader: child, isInherited: true, detail }
}

/** Whoever brought that about: its memory lies where dumps go. */
function dumped({ actor, dumped: isDumped, signal }: Of<'exit'>, context: JudgeContext): Found | undefined {
  const aim = isDumped === true ? context.protectedAt(actor) : undefined
  return (
    aim && { way: 'dump_signal', aim, detail: `its memory was dumped, ${signalNames.get(signal ?? 0) ?? 'at its end'}` }
  )
}

const preloadFile = '/etc/ld.so.preload'

/** Every program that starts from then on loads what stands there. */
function preloadChanged(observation: Of<'file_open' | 'file_change'>): Found | undefined {
  if (observation.watched !== preloadFile) return undefined
  if (observation.kind === 'file_open' && accessOf(observation.flags) === 'read') return undefined
  return { way: 'preload', aim: 'machine', detail: preloadFile }
}

/** <sys/stat.h> */
const S_IFMT = 0o170000
const S_IFDIR = 0o040000
const refused = { error: constants.errno.EPERM }

/** Whoever lists a folder of keys has read none. */
function keyRead(observation: Of<'file_open' | 'file_denied'>, context: JudgeContext): Found | undefined {
  const { actor, file, watched } = observation
  const isDenied = observation.kind === 'file_denied'
  const access = isDenied ? observation.way : accessOf(observation.flags)
  if (access === 'write' || (file.mode & S_IFMT) === S_IFDIR) return undefined
  const aim = context.keysKeptFrom(actor, watched)
  return aim && { way: 'key_file_read', aim, detail: file.path, ...(isDenied && refused) }
}

const otherwise: readonly FileChange[] = ['attributes', 'unwatched', 'cover']

/** Its next start runs what was put there. */
function programReplaced(observation: Of<'file_change'>, context: JudgeContext): Found | undefined {
  const { change, path, to, watched, before } = observation
  if (otherwise.includes(change)) return undefined
  const isImage = (one: string | null) => one !== null && context.protectedProgram(one)
  // What was known there has one more name elsewhere, and is what it was: perf and backups link programs into folders of their own.
  if (change === 'link' && before !== null && path === watched) return undefined
  const aim = isImage(to) || isImage(path) || context.codeOf(watched)
  return aim ? { way: 'image_replaced', aim, detail: to ?? path ?? watched } : undefined
}

const { SIGUSR1, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, ...signals } = constants.signals
const stops: readonly number[] = [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU]
/** signal(7): whose default is a dump of the memory. */
const dumps: readonly number[] = [
  signals.SIGQUIT,
  signals.SIGILL,
  signals.SIGTRAP,
  signals.SIGABRT,
  signals.SIGBUS,
  signals.SIGFPE,
  signals.SIGSEGV,
  signals.SIGXCPU,
  signals.SIGXFSZ,
  signals.SIGSYS,
]
const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]))

function signalled(observation: Of<'signal'>, context: JudgeContext): Found | undefined {
  const { signal, sentBy } = observation
  const aim = aimOf(observation, context)
  if (aim === undefined || sentBy === 'kernel') return undefined
  const way = signalWay(observation, aim, context)
  return way && { way, aim, detail: signalNames.get(signal) ?? `signal ${signal}` }
}

function signalWay({ actor, target, signal }: Of<'signal'>, aim: ProtectedProcess, context: JudgeContext) {
  if (signal === SIGUSR1) return isNode(aim) ? 'inspector_signal' : undefined
  // Its manager ends it: the watchdog of systemd by SIGABRT, others by whatever they are told.
  const isManager = actor.pid === 1 || relationOf({ actor, target }, context.processes) === 'launched'
  if (isManager) return undefined
  if (stops.includes(signal)) return 'stopped'
  return dumps.includes(signal) && context.handles(target, signal) !== true ? 'dump_signal' : undefined
}

/** Nobody has told the guard the image of what registered itself: its name says what it is, which Node gives each of its main threads. */
const isNode = ({ exe, comm }: Pick<ProtectedProcess, 'exe' | 'comm'>): boolean =>
  runsNode(exe) || (exe === null && /^node(?:js|-MainThread)?$/.test(comm))

/** Below /proc/sys: what gets weaker by a smaller number, and by a greater one. */
const guards: Readonly<Record<string, 'falls' | 'rises'>> = {
  'kernel/yama/ptrace_scope': 'falls',
  'kernel/perf_event_paranoid': 'falls',
  'kernel/unprivileged_bpf_disabled': 'falls',
  'kernel/randomize_va_space': 'falls',
  'kernel/kptr_restrict': 'falls',
  'fs/suid_dumpable': 'rises',
}

function settingChanged({ name, before, after }: Of<'sysctl'>): Found | undefined {
  if (before === after) return undefined
  const detail = `${name}: ${before} to ${after}`
  if (name === 'kernel/core_pattern') return { way: 'core_pattern_changed', aim: 'machine', detail }
  const direction = Object.hasOwn(guards, name) ? guards[name] : undefined
  if (direction === undefined) return undefined
  const rises = Number(after) > Number(before)
  // A text that is no number is refused by the kernel.
  if (Number.isNaN(Number(after)) || rises !== (direction === 'rises')) return undefined
  // Nobody's memory was reached: told, and nobody is ended for it.
  return { way: 'protection_weakened', aim: 'machine', severity: 'medium', detail }
}

/** Named tools that say whose debugger they will be; others are known by what they do. */
const debuggers = ['gdb', 'gcore', 'lldb', 'lldb-server', 'gdbserver', 'strace', 'ltrace', 'perf', 'bpftrace', 'criu']
/** Where distributions put them: their starts are told. */
export const debuggerPrograms: readonly string[] = debuggers.map((name) => `/usr/bin/${name}`)

function started(observation: Of<'exec'>, context: JudgeContext): Found | undefined {
  const { actor, argv, file } = observation
  const aim = context.protectedAt(actor)
  if (aim === undefined) return debuggerStarted(argv, file.path, context)
  if (observation.tracer !== undefined)
    return { way: 'traced_from_birth', aim, actor: byPid(observation.tracer, context), detail: argv.join(' ') }
  const [parent] = actor.ancestors
  const starter = parent && (context.processes.find(parent)?.task ?? taskOf(parent))
  const way = startWay(observation, aim)
  return way && { way: way.way, aim, actor: starter ?? actor, detail: way.detail }
}

function debuggerStarted(argv: readonly string[], path: string, context: JudgeContext): Found | undefined {
  if (!debuggers.includes(basename(path))) return undefined
  const aimed = argv.slice(1).flatMap((argument) => {
    const pid = /^(?:-p|--pid=?)?(\d{1,10})$/.exec(argument)?.[1]
    return (pid === undefined ? undefined : context.protectedNow(Number(pid))) ?? []
  })
  return aimed[0] && { way: 'debugger_started', aim: aimed[0], detail: argv.join(' ') }
}

/** How a protected program was started: the graver counts. */
function startWay({ variables, optionsHarmless, secure, argv }: Of<'exec'>, { exe }: ProtectedProcess) {
  const preloads = variables.filter((name) => ['LD_PRELOAD', 'LD_AUDIT', 'GCONV_PATH'].includes(name))
  if (preloads.length > 0 && !secure) return { way: 'preload', detail: preloads.join(', ') } as const
  if (!runsNode(exe)) return undefined
  const flags = optionsOf(argv)
  const inspecting = flags.filter(opensInspector)
  if (inspecting.length > 0) return { way: 'inspector_listens', detail: inspecting.join(' ') } as const
  const given = flags.filter(dumpsItself)
  if (variables.includes('NODE_OPTIONS') && optionsHarmless !== true) given.push('NODE_OPTIONS')
  return given.length > 0 ? ({ way: 'runtime_flags', detail: given.join(' ') } as const) : undefined
}

/** What runs in it that did not before: nobody knows who brought it. */
function codeCame(observation: Of<'executable'>, context: JudgeContext): Found | undefined {
  const aim = context.protectedAt(observation.actor)
  if (aim === undefined || context.isUsualCode(aim, observation)) return undefined
  const { way, path, length } = observation
  return { way: 'new_code', aim, detail: `${way}${path && ` ${path}`}, ${length} bytes` }
}
