// SPDX-License-Identifier: Apache-2.0

import { constants } from 'node:os'
import {
  type Access,
  type Counted,
  capabilities,
  classify,
  draftOf,
  type EventDraft,
  type ExecutableEvent,
  type FileChangeEvent,
  type FileEvent,
  type LaunchEvent,
  type MemoryEvent,
  type ObservedEvent,
  type OcsfProcess,
  pointersOf,
  type ReachEvent,
  type Relation,
  type RenameEvent,
  type SeverityName,
  type SignalEvent,
  severities,
  type TerminateEvent,
  type TraceEvent,
  valueAt,
} from '@sealwatch/contract'
import type { PolicyInForce } from '../policies/in-force.ts'
import { type Denial, judged } from '../policies/judge.ts'
import type { Running } from '../policies/spared.ts'
import type { FileChange, FileState, GuardObservation, Observation, Site } from '../sources/observation.ts'
import { metadataOf, type RecordContext, unixMs } from './context.ts'
import { credentialsChanged } from './credentials.ts'
import { diffText } from './diff.ts'
import { type Enrichment, enriched, enrichedBits, hashedImage, ownedFile, ownerBit } from './enrichment.ts'
import { accessOf, changeActivityOf, fileActivityOf, fileOf, isRun, octal, replacedOf, stateOf } from './file.ts'
import { fileDeniedEvent } from './file-denied.ts'
import { bpfCalled, moduleChanged, namespacesChanged, perfOpened, ringUsed, settingChanged } from './kernel.ts'
import { launchSeverity } from './launch-severity.ts'
import { mountChanged } from './mount.ts'
import { deniedEvent, networkEvent } from './network.ts'
import { descriptorPassed } from './passed.ts'
import { actorProcess, asObject, rememberedProcess } from './process.ts'
import { cmdLineOf, type ProcessTable } from './process-table.ts'
import { ptraceRequest, takesHold } from './ptrace.ts'
import { callRefused } from './refused.ts'
import { relationOf, relationUnderTrace } from './relation.ts'
import { describe, outcomeOf, seen } from './said.ts'

export type ObserveContext = RecordContext & {
  readonly processes: ProcessTable
  /** Account name of a numeric user id, undefined when there is none. */
  readonly userName: (uid: number) => string | undefined
  readonly enrichment: Enrichment
  /** Those that this host was told: what they deny says so. */
  readonly policies: readonly PolicyInForce[]
  /** Whom they deny nothing. */
  readonly running: Running
  /** Id of what the guard tells this act by; undefined: it does not. */
  readonly guardedBy: (observation: Observation) => string | undefined
  /** Whose a rule is by which the kernel refused something; undefined: of a table that nobody here remembers. */
  readonly ruleOf: (table: number, rule: number) => Denial | undefined
}

/** What becomes an event. A fork does not: the process table learns it, and what the child does and its end are told. */
export type SiteObservation = Exclude<Observation, { kind: 'fork' | 'overflow' } | GuardObservation> & {
  readonly site: Site
}
export type Of<K extends Observation['kind']> = Extract<Observation, { kind: K }>

/** What happened, in the vocabulary of docs/formats/event.md. The table must have learned the observation before. */
export function observe(observation: SiteObservation, context: ObserveContext): EventDraft<ObservedEvent> {
  const told = marked(eventOf(observation, context), context)
  const event =
    observation.kind === 'denied' || observation.kind === 'file_denied'
      ? told
      : judged(told, context.policies, context.running)
  return draftOf(event, observation.timeNs + context.bootOffsetNs)
}

/** Says of which texts a secret was taken out, so that nobody takes what is left for all that was there. */
function marked(event: ObservedEvent, { processes }: ObserveContext): ObservedEvent {
  const redacted = pointersOf('secret', event, '').filter((pointer) => {
    const { uid } = valueAt(event, pointer.slice(0, pointer.lastIndexOf('/'))) as OcsfProcess
    const [pid = '', startNs = ''] = uid.split(':')
    return processes.find({ pid: Number(pid), startNs: BigInt(startNs) })?.redacted
  })
  return redacted.length === 0 ? event : ({ ...event, unmapped: { ...event.unmapped, redacted } } as ObservedEvent)
}

/** Of who changed a file the source knows little, of who was refused one the start to 10 ms. */
function withKnownActor(seen: SiteObservation, { processes }: ObserveContext): SiteObservation {
  if (seen.kind === 'file_change') return { ...seen, actor: processes.recall(seen.actor) }
  if (seen.kind !== 'file_denied') return seen
  const { startNs, ancestors } = processes.recall(seen.actor)
  return { ...seen, actor: { ...seen.actor, startNs, ancestors } }
}

function eventOf(seen: SiteObservation, context: ObserveContext): ObservedEvent {
  const observation = withKnownActor(seen, context)
  const common = commonOf(observation, context)
  switch (observation.kind) {
    case 'exec':
      return launched(observation, common, context)
    case 'exit':
      return terminated(observation, common)
    case 'file_open':
      return fileOpened(observation, common, context)
    case 'file_change':
      return fileChanged(observation, common, context)
    case 'mem_open':
      return memoryOpened(observation, common, context)
    case 'vm_read':
    case 'vm_write':
      return memoryCopied(observation, common, context)
    case 'ptrace':
      return traced(observation, common, context)
    case 'rename':
      return renamed(observation, common)
    case 'signal':
      return signalled(observation, common, context)
    case 'credentials':
      return credentialsChanged(observation, common)
    case 'module':
      return moduleChanged(observation, common)
    case 'bpf':
      return bpfCalled(observation, common)
    case 'perf':
      return perfOpened(observation, common)
    case 'sysctl':
      return settingChanged(observation, common)
    case 'namespaces':
      return namespacesChanged(observation, common)
    case 'connect':
    case 'connect_failed':
    case 'socket_ended':
    case 'accept':
    case 'bind':
    case 'listen':
    case 'datagram':
    case 'socket':
      return networkEvent(observation, common, context)
    case 'denied':
      return deniedEvent(observation, common, context)
    case 'file_denied':
      return fileDeniedEvent(observation, common, context)
    case 'reach':
      return reached(observation, common, context)
    case 'executable':
      return madeExecutable(observation, common)
    case 'refused':
      return callRefused(observation, common)
    case 'passed':
      return descriptorPassed(observation, common, context)
    case 'mount':
      return mountChanged(observation, common)
    case 'uring':
      return ringUsed(observation, common)
  }
}

function commonOf(observation: SiteObservation, context: ObserveContext) {
  const { kind, actor, timeNs, truncated, unsure = 0, site } = observation
  const name = context.userName(actor.uid)
  const byKernel =
    capabilities.actorIdentity |
    capabilities.actorCredentials |
    capabilities.actorLogin |
    capabilities.actorContainment |
    capabilities.actorAncestry |
    (actor.exe === null ? 0 : capabilities.actorImage) |
    (truncated ? 0 : capabilities.untruncated)
  const facts = context.enrichment.process(actor)
  const process = enriched(actorProcess(actor, context), facts)
  const guardedBy = context.guardedBy(observation)
  const named = { code: kind, component: 'sensor', timeNs, by: String(actor.tid), truncated } as const
  return {
    time: unixMs(timeNs, context),
    ...countedOf(observation, context),
    metadata: metadataOf({ ...named, container: process.container !== undefined }, context),
    device: context.device,
    actor: {
      process,
      user: { uid: String(actor.uid), ...(name !== undefined && { name }) },
    },
    unmapped: {
      site,
      ...(guardedBy !== undefined && { guarded_by: guardedBy }),
      capabilities_mask: (byKernel & ~unsure) | enrichedBits(facts),
    },
  }
}
export type Common = ReturnType<typeof commonOf>

/** Equal acts are one event (docs/formats/event.md, 3.20). */
function countedOf({ timeNs, again }: SiteObservation, context: ObserveContext): Counted | undefined {
  if (again === undefined) return undefined
  return { count: 1 + again.times, start_time: unixMs(timeNs, context), end_time: unixMs(again.lastNs, context) }
}

const howOften = ({ count }: Partial<Counted>) => (count === undefined ? '' : `, ${count} times`)

const byExec = capabilities.objectPath | capabilities.objectIdentity | capabilities.arguments

function launched(observation: Of<'exec'>, common: Common, { enrichment }: ObserveContext): LaunchEvent {
  const {
    file,
    filename,
    argv,
    variables,
    variablesCut,
    secure,
    networkDescriptors,
    timeNs,
    actor,
    unsure = 0,
  } = observation
  const { pid, parent_process } = common.actor.process
  const facts = enrichment.image(file, timeNs)
  const owner = enrichment.owner(file, actor.mntNs)
  const image = hashedImage(ownedFile(fileOf(file), owner), facts)
  const lookedUp = (facts?.isProven === true ? capabilities.imageHash : 0) | ownerBit(owner)
  const parent = parent_process ? ` by ${describe(parent_process)}` : ''
  return {
    ...common,
    ...classify('process', 'launch'),
    ...severities[launchSeverity(observation)],
    message: `${image.path} was started as pid ${pid}${parent}`,
    // execve replaces the image and keeps the process: actor.process is the same one, and knows who launched it.
    process: {
      ...asObject(common.actor.process),
      file: image,
      cmd_line: cmdLineOf(argv, Number.POSITIVE_INFINITY),
      user: { uid: common.actor.user.uid },
    },
    launch_type_id: 3,
    launch_type: 'Exec',
    unmapped: {
      ...seen(common, (byExec | (variablesCut ? 0 : capabilities.variables)) & ~unsure, lookedUp),
      ...(filename !== '' && { filename }),
      secure,
      ...(variables.length > 0 && { variables }),
      ...(networkDescriptors.length > 0 && { network_descriptors: networkDescriptors }),
    },
  }
}

function terminated({ exitCode, signal }: Of<'exit'>, common: Common): TerminateEvent {
  const process = asObject(common.actor.process)
  const byItself = signal === 0 ? `exited with code ${exitCode}` : `was ended by signal ${signal}`
  const how = signal === null ? 'has ended' : byItself
  return {
    ...common,
    ...classify('process', 'terminate'),
    ...severities.informational,
    message: `${describe(process)} ${how}`,
    process,
    ...(exitCode !== null && { exit_code: exitCode }),
    unmapped: { ...seen(common, 0), ...(signal !== null && { signal }) },
  }
}

const purposes: Readonly<Record<Access, string>> = {
  read: 'for reading',
  write: 'for writing',
  read_write: 'for reading and writing',
  none: 'without access to its data',
  unknown: '(whether to read or to write is not known)',
}

const byOpen = capabilities.objectPath | capabilities.objectIdentity

function fileOpened(observation: Of<'file_open'>, common: Common, { enrichment }: ObserveContext): FileEvent {
  const { file, flags, syscall, watched, actor, unsure = 0 } = observation
  const access = accessOf(flags)
  const owner = enrichment.owner(file, actor.mntNs)
  return {
    ...common,
    ...classify('file', fileActivityOf(flags)),
    ...severities.low,
    message: `${describe(common.actor.process)} opened ${file.path} ${isRun(flags) ? 'to run it' : purposes[access]}${howOften(common)}`,
    file: ownedFile(fileOf(file), owner),
    ...(flags !== null && { access_mask: flags }),
    unmapped: {
      ...seen(common, byOpen & ~unsure, ownerBit(owner)),
      ...(syscall !== null && { syscall }),
      access,
      watched,
    },
  }
}

const changeVerbs: Readonly<Record<Exclude<FileChange, 'attributes'>, string>> = {
  create: 'created',
  write: 'wrote',
  truncate: 'shortened',
  rename: 'renamed',
  link: 'gave a file that was there another name:',
  remove: 'removed',
  unwatched: 'came to what cannot be watched: nobody is told of changes below',
  cover: 'mounted something over',
}

const unfollowedVerb =
  'put more under watched names than can be followed: nobody is told what becomes elsewhere of what was put under'

function changeSentence({ change, path, to, before, after }: Of<'file_change'>, actor: string, from: string): string {
  const who = actor.charAt(0).toUpperCase() + actor.slice(1)
  if (change === 'unwatched' && after !== null) return `${who} ${unfollowedVerb} ${from}`
  if (change === 'rename' && path === null) return `${who} moved something that was not watched to ${from}`
  if (change === 'attributes') return `${who} changed ${changedAttributes(before, after)} of ${from}`
  return `${who} ${changeVerbs[change]} ${from}${to === null ? '' : ` to ${to}`}`
}

/** Times and extended attributes are not kept: what they were is not known. */
function changedAttributes(before: FileState | null, after: FileState | null): string {
  if (before === null || after === null) return 'the attributes'
  const facts = (state: FileState) => [
    ['the mode', octal(state.mode)],
    ['the owner', String(state.uid)],
    ['the group', String(state.gid)],
  ]
  const were = facts(before)
  const changed = facts(after).flatMap(([what, now], index) => {
    const was = were[index]?.[1]
    return was === now ? [] : [`${what} (${was} to ${now})`]
  })
  return changed.length === 0 ? 'times or extended attributes' : changed.join(' and ')
}

/** By its own lists a package manager knows only afterwards what it brings: of what it writes itself they prove nothing else. */
const packageManagers: readonly (string | undefined)[] = ['/usr/bin/dpkg']

function fileChanged(observation: Of<'file_change'>, common: Common, { enrichment }: ObserveContext): FileChangeEvent {
  const { change, path, to, after, before, watched, isSetBack, lines } = observation
  const from = path ?? to ?? watched
  const isNew = change === 'create' || change === 'rename' || change === 'link'
  const was = stateOf(from, isNew ? after : before, observation)
  const now = change === 'rename' ? to : change === 'remove' || isNew ? null : from
  const mode = (after ?? before)?.mode
  const ownerOf = (name: string) =>
    mode === undefined ? undefined : enrichment.owner({ path: name, ino: observation.ino, mode, unlinked: false }, null)
  const owner = ownerOf(from)
  const newOwner = now === null || now === from ? undefined : ownerOf(now)
  const shipped = enrichment.shipped(observation)
  const isTold = shipped === true || !packageManagers.includes(common.actor.process.file?.path)
  return {
    ...common,
    ...classify('file', changeActivityOf(change)),
    ...severities.medium,
    message: `${changeSentence(observation, describe(common.actor.process), from)}${shipped === true ? ', as its package brought it' : ''}`,
    file: ownedFile(change === 'remove' ? { ...was, is_deleted: true } : was, owner),
    ...(now !== null && after !== null && { file_result: ownedFile(stateOf(now, after, observation), newOwner) }),
    unmapped: {
      ...seen(common, capabilities.objectPath | (after === null ? 0 : capabilities.fileState), ownerBit(owner)),
      change,
      watched,
      ...(isSetBack && { set_back: true }),
      ...(shipped !== undefined && isTold && { as_shipped: shipped }),
      ...(lines !== null && { diff: diffText(lines) }),
      ...(change === 'rename' && before !== null && { replaced: replacedOf(before) }),
    },
  }
}

const deniedBy = ({ prevented }: { readonly prevented?: true }) => (prevented ? { prevented } : {})

function memoryOpened(observation: Of<'mem_open'>, common: Common, context: ObserveContext): MemoryEvent {
  const { flags, syscall, prevented } = observation
  const access = accessOf(flags)
  const { process, relation, severity } = aimedAt(observation, context)
  return {
    ...common,
    // Read and write at once counts as the graver of the two; `access` keeps both.
    ...classify('memory', access === 'read' || access === 'none' ? 'read' : 'write'),
    ...severities[severity],
    ...(prevented && outcomeOf(-constants.errno.EPERM).outcome),
    message: `${describe(common.actor.process)} ${prevented ? 'was denied to open' : 'opened'} the memory of ${describe(process)} ${purposes[access]}`,
    process,
    requested_permissions: flags,
    unmapped: {
      ...seen(common, capabilities.targetIdentity),
      method: 'proc_mem',
      ...(syscall !== null && { syscall }),
      access,
      relation,
      ...deniedBy(observation),
    },
  }
}

const copies = {
  vm_read: { method: 'process_vm_readv', activity: 'read' },
  vm_write: { method: 'process_vm_writev', activity: 'write' },
} as const

function memoryCopied(observation: Of<'vm_read' | 'vm_write'>, common: Common, context: ObserveContext): MemoryEvent {
  const { method, activity } = copies[observation.kind]
  const { process, relation, severity } = aimedAt(observation, context)
  const { verb, outcome } = outcomeOf(observation.result)
  return {
    ...common,
    ...classify('memory', activity),
    ...severities[severity],
    ...outcome,
    message: `${describe(common.actor.process)} ${verb} ${method} on ${describe(process)}: ${observation.bytes} bytes`,
    process,
    size: observation.bytes,
    unmapped: {
      ...seen(common, capabilities.targetIdentity),
      method,
      access: activity,
      relation,
      ...deniedBy(observation),
    },
  }
}

const injected = { injection_type_id: 99, injection_type: 'ptrace' } as const

function traced(observation: Of<'ptrace'>, common: Common, context: ObserveContext): TraceEvent {
  const { name, activity } = ptraceRequest(observation.request)
  const { process, relation, severity } = aimedAt(observation, context)
  const { verb, outcome } = outcomeOf(observation.result)
  return {
    ...common,
    ...classify('process', activity),
    ...severities[severity],
    ...outcome,
    message: `${describe(common.actor.process)} ${verb} ${name} on ${describe(process)}`,
    process,
    ...(activity === 'inject' && injected),
    unmapped: {
      ...seen(common, capabilities.targetIdentity & ~(observation.unsure ?? 0)),
      ptrace_request: name,
      relation,
      ...deniedBy(observation),
    },
  }
}

function reached(observation: Of<'reach'>, common: Common, context: ObserveContext): ReachEvent {
  const { call, request, taken } = observation
  const { process, relation, severity } = aimedAt(observation, context)
  const { verb, outcome } = outcomeOf(observation.result)
  return {
    ...common,
    ...classify('process', 'open'),
    ...severities[severity],
    ...outcome,
    message: `${describe(common.actor.process)} ${verb} ${call} on ${describe(process)}${taken && `: ${taken}`}`,
    process,
    unmapped: {
      ...seen(common, capabilities.targetIdentity),
      method: call,
      request,
      relation,
      ...(taken !== '' && { taken }),
      ...deniedBy(observation),
    },
  }
}

const executableActs = {
  writable: { activity: 'modifyPage', did: 'made memory executable that it can write' },
  made: { activity: 'modifyPage', did: 'made memory executable' },
  anonymous: { activity: 'allocatePage', did: 'took executable memory' },
  nameless_file: { activity: 'mapView', did: 'mapped a file without a name as code' },
} as const

function madeExecutable(observation: Of<'executable'>, common: Common): ExecutableEvent {
  const { way, address, length, protection, path } = observation
  const { activity, did } = executableActs[way]
  return {
    ...common,
    ...classify('memory', activity),
    ...severities.low,
    message: `${describe(common.actor.process)} ${did}${path && `: ${path}`}`,
    process: asObject(common.actor.process),
    base_address: `0x${address.toString(16)}`,
    size: Number(BigInt.asUintN(53, length)),
    requested_permissions: protection,
    unmapped: {
      ...seen(common, path === '' ? 0 : capabilities.objectPath),
      executable: way,
      ...(path !== '' && { mapped: path }),
    },
  }
}

function renamed({ from, to }: Of<'rename'>, common: Common): RenameEvent {
  const process = asObject(common.actor.process)
  return {
    ...common,
    ...classify('process', 'rename'),
    ...severities.informational,
    message: `${describe(process)}, until now ${from}, calls itself ${to}`,
    process: { ...process, name: to },
    unmapped: { ...seen(common, 0), renamed_from: from },
  }
}

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]))

const { SIGCONT, SIGURG, SIGWINCH, SIGCHLD, SIGTERM, SIGINT, SIGHUP } = constants.signals

/** docs/formats/event.md, 3.11: what changes nothing, what asks to stop, which is then told by itself, and all else. */
function gravityOf(signal: number): SeverityName {
  if ([SIGCONT, SIGURG, SIGWINCH, SIGCHLD].includes(signal)) return 'low'
  return [SIGTERM, SIGINT, SIGHUP].includes(signal) ? 'medium' : 'high'
}

function signalled(observation: Of<'signal'>, common: Common, context: ObserveContext): SignalEvent {
  const { signal, sentBy } = observation
  const { process, relation } = aimedAt(observation, context)
  const name = signalNames.get(signal) ?? `signal ${signal}`
  const sender = sentBy === 'kernel' ? 'the kernel' : describe(common.actor.process)
  return {
    ...common,
    ...classify('process', 'signal'),
    ...severities[relation === 'foreign' || sentBy === 'kernel' ? gravityOf(signal) : 'low'],
    message: `${sender} sent ${name} to ${describe(process)}`,
    process,
    unmapped: { ...seen(common, capabilities.targetIdentity), signal, signal_name: name, sent_by: sentBy, relation },
  }
}

type Aim = { readonly process: OcsfProcess; readonly relation: Relation; readonly severity: SeverityName }

function aimedAt(
  observation: Of<'ptrace' | 'mem_open' | 'vm_read' | 'vm_write' | 'signal' | 'reach'>,
  context: ObserveContext,
): Aim {
  const takingHold = observation.kind === 'ptrace' && takesHold(observation.request)
  const relation = (takingHold ? relationOf : relationUnderTrace)(observation, context.processes)
  const process = rememberedProcess(observation.target, context)
  // Only 'informational' may be shed under overload, and what touches a stranger must never be.
  return { process, relation, severity: relation === 'foreign' || relation === 'launched' ? 'medium' : 'low' }
}
