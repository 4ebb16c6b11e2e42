// SPDX-License-Identifier: Apache-2.0

import { scrubArguments } from '@sealwatch/base'
import { fileWays } from '@sealwatch/detect/policy'
import { readChange } from './frame-change.ts'
import { readCredentials } from './frame-credentials.ts'
import { frameLimits, must } from './frame-errors.ts'
import { readExecutable } from './frame-executable.ts'
import { eventBytes, mustBeZero, objectAt, readRef, refBytes, takeTexts } from './frame-fields.ts'
import { readExamined, readFrozen, readWeakened } from './frame-guard.ts'
import { readBpf, readModule, readMount, readNamespaces, readSysctl, readUring } from './frame-kernel.ts'
import { readRefused } from './frame-refused.ts'
import { decodeDenied, decodeSocket } from './frame-socket.ts'
import { showComm, showText, splitArgv } from './frame-text.ts'
import {
  type FileRef,
  type Observation,
  type OpenSyscall,
  type ReachCall,
  type SignalSource,
  type Site,
  sites,
  sources,
  type TargetRef,
  type Task,
  type WatchedVariable,
  watchedVariables,
} from './observation.ts'

const textNames = ['exe', 'path', 'filename', 'argv', 'watched'] as const
type Text = (typeof textNames)[number]
export type Texts = Readonly<Record<Text, Buffer>>
export type Common = Pick<Observation, 'timeNs' | 'actor' | 'truncated' | 'unsure'>
export type KindRow = {
  readonly sites: readonly Site[]
  readonly texts: readonly Text[]
  readonly flagsMax: number
  /** Whether the guard can have it denied. */
  readonly isPreventable?: true
  readonly decode: (bytes: Buffer, common: Common, site: Site, texts: Texts) => Observation
}

const flag = { truncated: 1, unlinked: 2, memfd: 4, secure: 8, variablesCut: 16, prevented: 32 } as const
const unset = 0xffff_ffff
/** event.md, 5.1: bits 0 to 9 and 11; whether a text was cut is said by a flag. */
const unsureMax = 0xbff
/** All of the actor. */
const unsureOfActor = 0x3f
const lengthsAt = 68
const commAt = 80
const commBytes = 16

const openSites: readonly Site[] = ['open', 'openat', 'openat2', 'creat', 'open_by_handle_at']
/** Of opens that are none of these calls. */
const otherOpens: readonly Site[] = ['file_open', 'entry_32', 'io_uring']
/** To run a file is to read it. */
const runs: readonly Site[] = ['exec']
const processSources: readonly Site[] = ['proc_connector', 'proc_poll']
const fileSources: readonly Site[] = ['fanotify', 'inotify']
const socketSources: readonly Site[] = ['sock_diag', 'proc_net']
/** No BPF programs either: of the actor they know the number, and look for the rest. */
const asked: readonly Site[] = ['file_change', 'file_policy', 'examiner']
/** What the examiner finds in /proc is told as if somebody had seen it done. */
const looks: readonly Site[] = ['examiner']
const reachSites: readonly Site[] = ['reach', 'entry_32']
const exeOnly = { texts: ['exe'], flagsMax: 1 } as const
const named = { texts: ['exe', 'path'], flagsMax: 1 } as const
const preventable = { isPreventable: true } as const

/** By the number on the wire (frame.md, 1.5). */
const kinds: Readonly<Record<number, KindRow>> = {
  3: { sites: ['exec', ...processSources], texts: ['path', 'filename', 'argv'], flagsMax: 31, decode: decodeExec },
  4: { ...exeOnly, sites: ['exit', ...processSources], decode: decodeExit },
  5: {
    sites: [...openSites, ...fileSources, ...otherOpens, ...runs],
    texts: ['exe', 'path', 'watched'],
    flagsMax: 7,
    decode: decodeFileOpen,
  },
  6: { ...exeOnly, ...preventable, sites: [...openSites, ...otherOpens, ...looks], decode: decodeMemOpen },
  7: { ...exeOnly, ...preventable, sites: ['ptrace', 'proc_connector', 'entry_32', ...looks], decode: decodePtrace },
  8: { ...exeOnly, ...preventable, sites: ['process_vm_readv', 'entry_32'], decode: decodeVm('vm_read') },
  9: { ...exeOnly, ...preventable, sites: ['process_vm_writev', 'entry_32'], decode: decodeVm('vm_write') },
  10: { sites: ['fork', ...processSources], texts: ['path'], flagsMax: 1, decode: decodeFork },
  11: { ...exeOnly, sites: ['task_rename', ...processSources], decode: decodeRename },
  12: { ...exeOnly, sites: ['signal_generate', ...looks], decode: decodeSignal },
  13: { ...exeOnly, sites: ['credentials'], decode: decodeCredentials },
  14: { sites: [...fileSources, ...socketSources, 'file_change'], texts: [], flagsMax: 0, decode: decodeOverflow },
  15: { sites: ['module'], texts: ['exe', 'filename'], flagsMax: 1, decode: decodeModule },
  16: { ...exeOnly, sites: ['bpf', 'entry_32'], decode: decodeBpf },
  17: { ...named, sites: ['perf_event_open'], decode: decodePerf },
  18: { sites: ['sysctl', ...looks], texts: ['exe', 'path', 'argv'], flagsMax: 1, decode: decodeSysctl },
  19: { ...exeOnly, sites: ['namespaces'], decode: decodeNamespaces },
  20: { ...named, sites: ['connect', ...socketSources], decode: decodeSocket('connect') },
  21: { sites: ['connect'], texts: [], flagsMax: 0, decode: decodeSocket('connect_failed') },
  22: { ...exeOnly, sites: ['accept', ...socketSources], decode: decodeSocket('accept') },
  23: { ...named, sites: ['bind', ...socketSources], decode: decodeSocket('bind') },
  24: { ...named, sites: ['listen', ...socketSources], decode: decodeSocket('listen') },
  25: { ...exeOnly, sites: ['datagram'], decode: decodeSocket('datagram') },
  26: { ...exeOnly, sites: ['socket', ...socketSources], decode: decodeSocket('socket') },
  27: { ...named, ...preventable, sites: reachSites, decode: decodeReach('pidfd_getfd') },
  28: { ...exeOnly, sites: [...reachSites, ...looks], decode: decodeReach('prlimit64') },
  29: { ...exeOnly, sites: reachSites, decode: decodeReach('process_madvise') },
  30: { ...exeOnly, sites: reachSites, decode: decodeReach('kcmp') },
  31: { ...exeOnly, sites: reachSites, decode: decodeReach('userfaultfd') },
  32: { ...named, sites: ['executable', ...looks], decode: decodeExecutable },
  // Its argv are the states.
  33: { sites: ['file_change'], texts: ['path', 'filename', 'argv', 'watched'], flagsMax: 1, decode: decodeFileChange },
  34: { sites: socketSources, texts: [], flagsMax: 0, decode: decodeSocket('socket_ended') },
  35: { sites: ['refused'], texts: ['exe', 'path', 'filename', 'watched'], flagsMax: 1, decode: decodeRefused },
  36: { sites: ['passed'], texts: ['exe', 'path', 'watched'], flagsMax: 1, decode: decodePassed },
  37: { sites: ['mount'], texts: ['exe', 'path', 'filename'], flagsMax: 1, decode: decodeMount },
  38: { ...named, sites: ['io_uring'], decode: decodeUring },
  39: { ...exeOnly, sites: ['policy'], decode: decodeDenied },
  40: { sites: ['file_policy'], texts: ['exe', 'path', 'watched'], flagsMax: 1, decode: decodeFileDenied },
  41: { ...named, sites: [...openSites, ...otherOpens], decode: decodeProcOpen },
  42: { ...exeOnly, sites: ['reach'], decode: decodeWeakened },
  43: { ...named, sites: ['reach'], decode: decodeFrozen },
  44: { sites: looks, texts: ['exe', 'path', 'argv'], flagsMax: 1, decode: decodeExamined },
}

export function decodeEvent(bytes: Buffer): Observation & { readonly site: Site } {
  const row = kinds[bytes[0] ?? 0]
  must(row !== undefined, 'FRAME_KIND', bytes[0])
  must(bytes.length >= eventBytes, 'FRAME_SIZE', bytes.length)
  const site = sites[bytes.readUInt8(1)]
  must(site !== undefined && row.sites.includes(site), 'FRAME_SITE', { kind: bytes[0], site: bytes[1] })
  const flags = bytes.readUInt8(2)
  const isNamedMemfd = (flags & flag.memfd) !== 0 && (flags & flag.unlinked) === 0
  const prevented = row.isPreventable === true && (flags & flag.prevented) !== 0
  must((prevented ? flags - flag.prevented : flags) <= row.flagsMax && !isNamedMemfd, 'FRAME_VALUE', { flags })
  const unsure = bytes.readUInt16LE(commAt - 2)
  must((unsure & ~unsureMax) === 0 && (unsure === 0 || asked.includes(site) || sources.includes(site)), 'FRAME_VALUE', {
    unsure,
  })
  const ancestors = bytes.readUInt8(3)
  must(ancestors <= frameLimits.ancestorsMax, 'FRAME_COUNT', { ancestors })
  const texts = readTexts(bytes, eventBytes + ancestors * refBytes, row)
  const actor = readTask(bytes, texts.exe, ancestors)
  const common = {
    timeNs: bytes.readBigUInt64LE(8),
    actor,
    truncated: (flags & flag.truncated) !== 0,
    ...(unsure !== 0 && { unsure }),
  }
  return { ...row.decode(bytes, common, site, texts), site }
}

function readTexts(bytes: Buffer, from: number, row: KindRow): Texts {
  const lengths = textNames.map((_, i) => bytes.readUInt16LE(lengthsAt + 2 * i))
  const taken = takeTexts(bytes, from, lengths)
  const texts = Object.fromEntries(textNames.map((name, i) => [name, taken[i]])) as Texts
  for (const name of textNames) {
    const { length } = texts[name]
    const isAllowed = length === 0 || (row.texts.includes(name) && length <= frameLimits.textBytesMax)
    must(isAllowed, 'FRAME_TEXT', { name, bytes: length })
  }
  return texts
}

function readTask(bytes: Buffer, exe: Buffer, ancestors: number): Task {
  const number = (index: number) => bytes.readUInt32LE(32 + index * 4)
  const orNull = (value: number) => (value === unset ? null : value)
  return {
    pid: bytes.readUInt32LE(4),
    startNs: bytes.readBigUInt64LE(16),
    comm: showComm(bytes.subarray(commAt, objectAt)),
    tid: number(0),
    ppid: number(1),
    uid: number(2),
    euid: number(3),
    gid: number(4),
    loginUid: orNull(number(5)),
    sessionId: orNull(number(6)),
    pidNs: number(7),
    mntNs: number(8),
    cgroupId: bytes.readBigUInt64LE(24),
    exe: exe.length === 0 ? null : showText(exe),
    ancestors: Array.from({ length: ancestors }, (_, i) => readRef(bytes, eventBytes + i * refBytes)),
  }
}

const tracerAt = objectAt + 40

function readFile(bytes: Buffer, path: Buffer): { file: FileRef; flags: number } {
  mustBeZero(bytes, tracerAt + 4, eventBytes)
  const number = (index: number) => bytes.readUInt32LE(objectAt + 8 + index * 4)
  const frameFlags = bytes.readUInt8(2)
  const file = {
    path: showText(path),
    dev: number(0),
    ino: bytes.readBigUInt64LE(objectAt),
    mode: number(1),
    nlink: number(2),
    uid: number(3),
    fsMagic: number(4),
    unlinked: (frameFlags & flag.unlinked) !== 0,
    memfd: (frameFlags & flag.memfd) !== 0,
  }
  return { file, flags: number(5) }
}

const refused = -1 // EPERM

/** `prevented`: the guard had it denied; only what was refused can be. */
function readTarget(bytes: Buffer): { target: TargetRef; result: number; request: number; prevented?: true } {
  const result = Number(bytes.readBigInt64LE(objectAt + refBytes))
  must(Number.isSafeInteger(result), 'FRAME_VALUE', { result })
  const prevented = (bytes.readUInt8(2) & flag.prevented) !== 0
  must(!prevented || result === refused, 'FRAME_VALUE', { result })
  const target = { ...readRef(bytes, objectAt), ppid: bytes.readUInt32LE(eventBytes - 4) }
  return { target, result, request: bytes.readUInt32LE(objectAt + refBytes + 8), ...(prevented && { prevented }) }
}

/** The file that runs is the actor's new image: it travels once. */
function decodeExec(bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation {
  const { file, flags } = readFile(bytes, texts.path)
  must(flags === 0, 'FRAME_VALUE', { flags })
  const environment = readEnvironment(bytes.readUInt32LE(objectAt + 32))
  const networkDescriptors = readNetworkDescriptors(bytes)
  const frameFlags = bytes.readUInt8(2)
  const secure = (frameFlags & flag.secure) !== 0
  const tracer = bytes.readUInt32LE(tracerAt)
  const variablesCut = (frameFlags & flag.variablesCut) !== 0
  const actor = { ...common.actor, exe: file.path }
  const given = splitArgv(texts.argv)
  const argv = scrubArguments(given)
  const filename = showText(texts.filename)
  const exec = {
    ...common,
    kind: 'exec',
    actor,
    file,
    filename,
    argv,
    ...environment,
    variablesCut,
    secure,
    networkDescriptors,
    ...(tracer !== 0 && { tracer }),
  } as const
  return argv === given ? exec : { ...exec, redacted: true }
}

/** Of the last bit: what is said of NODE_OPTIONS. */
const optionsHarmless = 0x8000_0000

function readEnvironment(bits: number): { variables: WatchedVariable[]; optionsHarmless?: true } {
  const isHarmless = bits >= optionsHarmless
  const set = isHarmless ? bits - optionsHarmless : bits
  const variables = watchedVariables.filter((_, i) => ((set >>> i) & 1) === 1)
  const isOfAny = !isHarmless || variables.includes('NODE_OPTIONS')
  must(set >>> watchedVariables.length === 0 && isOfAny, 'FRAME_VALUE', { variables: bits })
  return { variables, ...(isHarmless && { optionsHarmless: true }) }
}

function readNetworkDescriptors(bytes: Buffer): number[] {
  const bits = bytes.readUInt32LE(objectAt + 36)
  must(bits <= 0b111, 'FRAME_VALUE', { network: bits })
  return [0, 1, 2].filter((fd) => ((bits >>> fd) & 1) === 1)
}

function decodeExit(bytes: Buffer, common: Common, site: Site): Observation {
  const exitCode = bytes.readUInt32LE(objectAt)
  const signal = bytes.readUInt32LE(objectAt + 4)
  const dumped = bytes.readUInt32LE(objectAt + 8)
  mustBeZero(bytes, objectAt + 12, eventBytes)
  if (site === 'proc_poll') {
    must(exitCode === unset && signal === unset && dumped === 0, 'FRAME_VALUE', { exitCode, signal, dumped })
    return { ...common, kind: 'exit', exitCode: null, signal: null }
  }
  must(exitCode <= 255 && signal <= 127 && dumped <= Math.min(signal, 1), 'FRAME_VALUE', { exitCode, signal, dumped })
  return { ...common, kind: 'exit', exitCode, signal, ...(dumped === 1 && { dumped: true }) }
}

const syscallOf = (site: Site) => (openSites.includes(site) ? (site as OpenSyscall) : null)

function decodeFileOpen(bytes: Buffer, common: Common, site: Site, texts: Texts): Observation {
  mustBeZero(bytes, objectAt + 32, eventBytes)
  const watched = showText(texts.watched)
  must(watched.startsWith('/'), 'FRAME_TEXT', { watched })
  const { file, flags } = readFile(bytes, texts.path)
  const how = {
    syscall: syscallOf(site),
    flags: flags === unset ? null : flags,
  }
  must(how.flags !== null || how.syscall === null, 'FRAME_VALUE', { flags })
  return { ...common, kind: 'file_open', ...how, file, watched }
}

function decodeMemOpen(bytes: Buffer, common: Common, site: Site): Observation {
  const { target, result, request: flags, prevented } = readTarget(bytes)
  must(result === 0 || prevented === true, 'FRAME_VALUE', { result })
  return { ...common, kind: 'mem_open', syscall: syscallOf(site), target, flags, ...(prevented && { prevented }) }
}

function decodePtrace(bytes: Buffer, common: Common): Observation {
  return { ...common, kind: 'ptrace', ...readTarget(bytes) }
}

function decodeVm(kind: 'vm_read' | 'vm_write') {
  return (bytes: Buffer, common: Common): Observation => {
    const { target, result, request, prevented } = readTarget(bytes)
    must(request === 0, 'FRAME_VALUE', { request })
    return { ...common, kind, target, bytes: Math.max(result, 0), result, ...(prevented && { prevented }) }
  }
}

function decodeFork(bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation {
  const { target: child, result, request: tracer } = readTarget(bytes)
  must(result === 0, 'FRAME_VALUE', { result })
  must(common.actor.ancestors.length === 0, 'FRAME_COUNT', { ancestors: common.actor.ancestors.length })
  const inherited = texts.path.length > 0 && { inherited: showText(texts.path) }
  return { ...common, kind: 'fork', child, ...(tracer !== 0 && { tracer }), ...inherited }
}

function decodeOverflow(bytes: Buffer, common: Common): Observation {
  mustBeZero(bytes, objectAt + 8, eventBytes)
  const sinceNs = bytes.readBigUInt64LE(objectAt)
  must(sinceNs <= common.timeNs, 'FRAME_VALUE', { sinceNs })
  return { ...common, kind: 'overflow', sinceNs }
}

function decodeRename(bytes: Buffer, common: Common): Observation {
  const name = (at: number) => showComm(bytes.subarray(at, at + commBytes))
  mustBeZero(bytes, objectAt + 2 * commBytes, eventBytes)
  return { ...common, kind: 'rename', from: name(objectAt), to: name(objectAt + commBytes) }
}

/** By <asm-generic/siginfo.h>: SI_USER, SI_QUEUE, SI_TKILL, SI_KERNEL. */
const signalSources = new Map<number, SignalSource>([
  [0, 'kill'],
  [-1, 'sigqueue'],
  [-6, 'tgkill'],
  [128, 'kernel'],
])

function decodeSignal(bytes: Buffer, common: Common): Observation {
  const { target, result, request: signal } = readTarget(bytes)
  const sentBy = signalSources.get(result)
  must(sentBy !== undefined && signal >= 1 && signal <= 64, 'FRAME_VALUE', { signal, code: result })
  return { ...common, kind: 'signal', target, signal, sentBy }
}

function decodeCredentials(bytes: Buffer, common: Common): Observation {
  return { ...common, kind: 'credentials', ...readCredentials(bytes, objectAt) }
}

function decodeModule(bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation {
  return { ...common, kind: 'module', name: showText(texts.filename), ...readModule(bytes, objectAt) }
}

function decodeBpf(bytes: Buffer, common: Common): Observation {
  return { ...common, kind: 'bpf', ...readBpf(bytes, objectAt) }
}

function decodePerf(bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation {
  const { target, result, request: type } = readTarget(bytes)
  const path = showText(texts.path)
  return { ...common, kind: 'perf', target, type, result, ...(path !== '' && { path }) }
}

function decodeSysctl(bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation {
  return { ...common, kind: 'sysctl', ...readSysctl(bytes, objectAt, texts.path, texts.argv) }
}

function decodeNamespaces(bytes: Buffer, common: Common): Observation {
  return { ...common, kind: 'namespaces', ...readNamespaces(bytes, objectAt) }
}

function decodeReach(call: ReachCall) {
  return (bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation => ({
    ...common,
    kind: 'reach',
    call,
    ...readTarget(bytes),
    taken: showText(texts.path),
  })
}

function decodeExecutable(bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation {
  return { ...common, kind: 'executable', ...readExecutable(bytes, objectAt), path: showText(texts.path) }
}

/** Of the actor of a change the kernel told the pid alone. */
function decodeFileChange(bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation {
  must(common.unsure === unsureOfActor, 'FRAME_VALUE', { unsure: common.unsure ?? 0 })
  const change = readChange(bytes.subarray(objectAt, eventBytes), { ...texts, states: texts.argv })
  return { ...common, kind: 'file_change', ...change }
}

function decodeFileDenied(bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation {
  const number = (at: number) => bytes.readUInt32LE(objectAt + at)
  const way = fileWays[bytes.readUInt8(objectAt + 30)]
  const table = number(24)
  const [path, watched] = [showText(texts.path), showText(texts.watched)]
  must(way !== undefined && table > 0, 'FRAME_VALUE', { way: bytes[objectAt + 30], table })
  must(path !== '' && watched.startsWith('/'), 'FRAME_TEXT', { path, watched })
  mustBeZero(bytes, objectAt + 31, objectAt + 32)
  mustBeZero(bytes, objectAt + 36, eventBytes)
  const file = {
    path,
    dev: number(8),
    ino: bytes.readBigUInt64LE(objectAt),
    mode: number(12),
    nlink: number(16),
    uid: number(20),
    fsMagic: 0,
    unlinked: number(16) === 0,
    memfd: false,
  }
  const rule = bytes.readUInt16LE(objectAt + 28)
  return { ...common, kind: 'file_denied', way, file, watched, table, rule, repeats: number(32) }
}

function decodeRefused(bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation {
  return { ...common, kind: 'refused', ...readRefused(bytes.subarray(objectAt, eventBytes), texts) }
}

function decodePassed(bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation {
  const { target: sender, result: descriptor, request: flags } = readTarget(bytes)
  const [path, watched] = [showText(texts.path), showText(texts.watched)]
  must(descriptor >= -1, 'FRAME_VALUE', { descriptor })
  must(path !== '' && (watched === '' || watched.startsWith('/')), 'FRAME_TEXT', { path, watched })
  return {
    ...common,
    kind: 'passed',
    sender,
    descriptor: descriptor < 0 ? null : descriptor,
    flags,
    path,
    watched: watched === '' ? null : watched,
  }
}

function decodeMount(bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation {
  const [source, target] = [showText(texts.filename), showText(texts.path)]
  return { ...common, kind: 'mount', ...readMount(bytes.subarray(objectAt, eventBytes)), source, target }
}

function decodeUring(bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation {
  return { ...common, kind: 'uring', ...readUring(bytes.subarray(objectAt, eventBytes), showText(texts.path)) }
}

function decodeProcOpen(bytes: Buffer, common: Common, site: Site, texts: Texts): Observation {
  const { target, result, request: flags } = readTarget(bytes)
  must(result === 0 && target.pid > 0, 'FRAME_VALUE', { result, target: target.pid })
  return { ...common, kind: 'proc_open', syscall: syscallOf(site), target, flags, path: showText(texts.path) }
}

function decodeWeakened(bytes: Buffer, common: Common): Observation {
  return { ...common, kind: 'weakened', ...readWeakened(bytes, objectAt) }
}

function decodeFrozen(bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation {
  return { ...common, kind: 'frozen', ...readFrozen(bytes, objectAt), path: showText(texts.path) }
}

function decodeExamined(bytes: Buffer, common: Common, _site: Site, texts: Texts): Observation {
  const environment = readEnvironment(bytes.readUInt32LE(objectAt + 8))
  const foreignCode = showText(texts.path)
  return {
    ...common,
    kind: 'examined',
    ...readExamined(bytes, objectAt),
    ...environment,
    argv: scrubArguments(splitArgv(texts.argv)),
    ...(foreignCode !== '' && { foreignCode }),
  }
}
