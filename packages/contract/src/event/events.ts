// SPDX-License-Identifier: Apache-2.0

import type { PartFinding } from '../supervision.ts'
import type { Classification } from './classes.ts'
import type { Finding } from './finding.ts'
import { fitText } from './fit.ts'
import type { GuardEvent } from './guard.ts'
import type {
  OcsfActor,
  OcsfConnection,
  OcsfDevice,
  OcsfDriver,
  OcsfEndpoint,
  OcsfFile,
  OcsfKernel,
  OcsfMetadata,
  OcsfPolicy,
  OcsfProcess,
  OcsfProduct,
} from './objects.ts'
import { personalPointers } from './personal.ts'

/** What every event holds, findings included (LOG-1: docs/formats/event.md, 2.1). */
export type EventBase = Classification & {
  readonly severity_id: number
  readonly severity: string
  /** Unix milliseconds. The line that carries the event knows the nanoseconds. */
  readonly time: number
  readonly message: string
  readonly metadata: OcsfMetadata
  readonly device: OcsfDevice
  readonly actor: OcsfActor
}

/** Of an act that can be refused; `status_code` is the errno's name. */
export type Outcome = { readonly status_id: number; readonly status: string; readonly status_code?: string }

/** How the target of an act relates to the process that acts (docs/formats/event.md, 4.3). */
export type Relation = 'self' | 'traced' | 'launched' | 'forked' | 'foreign'
/** `unknown`: the source does not say. */
export type Access = 'read' | 'write' | 'read_write' | 'none' | 'unknown'
export type MemoryMethod = 'proc_mem' | 'process_vm_readv' | 'process_vm_writev'

/** Of equal acts that are one event (docs/formats/event.md, 3.20): how many, when the first and when the last was, in Unix milliseconds. */
export type Counted = { readonly count: number; readonly start_time: number; readonly end_time: number }

/** What a policy said of an act that it denies; absent where none denies it (docs/formats/event.md, 3.21). */
export type Judged = {
  readonly policy?: OcsfPolicy
  readonly action_id?: number
  readonly action?: string
  readonly disposition_id?: number
  readonly disposition?: string
}

type Observed<Members, Details> = EventBase &
  Partial<Counted> &
  Members &
  Judged & {
    readonly actor: { readonly process: OcsfProcess }
    readonly unmapped: {
      /** `default`: what becomes of what no rule matches. */
      readonly policy_rule?: string
      readonly policy_mode?: string
      /** Other policies and rules that deny it, as ID/RULE. */
      readonly also_denied_by?: readonly string[]
      readonly capabilities_mask: number
      readonly site: string
      /** Id of the incident, or of the allowance, by which the guard tells this act: what rules say of it is said there. */
      readonly guarded_by?: string
      /** Pointers to the texts of this event from which a secret was taken out. */
      readonly redacted?: readonly string[]
    } & Details
  }

export type LaunchEvent = Observed<
  { readonly process: OcsfProcess; readonly launch_type_id: number; readonly launch_type: string },
  /** The path as it was asked for: of a script, the script; the image is then its interpreter. */
  {
    readonly filename?: string
    /** The program gained other ids or capabilities than its starter has. */
    readonly secure: boolean
    /** Variables that bring foreign code into a program; absent when none of those watched is set. */
    readonly variables?: readonly string[]
    /** Of 0, 1 and 2 those that are connections of the network; absent when none is. */
    readonly network_descriptors?: readonly number[]
  }
>
export type TerminateEvent = Observed<
  { readonly process: OcsfProcess; readonly exit_code?: number },
  { readonly signal?: number }
>
export type FileEvent = Observed<
  Partial<Outcome> & { readonly file: OcsfFile; readonly access_mask?: number },
  {
    readonly syscall?: string
    readonly access: Access
    /** The entry of the watch list by which the file is watched, whatever `file.path` it was opened by; absent: it is a memory. */
    readonly watched?: string
    /** The descriptor came over a unix socket; `by` is the `uid` of who sent it, absent where that has ended. */
    readonly passed?: { readonly descriptor?: number; readonly by?: string; readonly by_path?: string }
  }
>
/** `file` is what was mounted over, or unmounted, as it was asked for. */
export type MountEvent = Observed<
  Outcome & { readonly file: OcsfFile },
  { readonly mount: { readonly call: string; readonly flags: string; readonly source?: string } }
>
/** `file` as it was, under the name that it had; `file_result` as it is. */
export type FileChangeEvent = Observed<
  { readonly file: OcsfFile; readonly file_result?: OcsfFile },
  {
    readonly change: string
    readonly watched: string
    /** Lines that differ, as one hunk of a unified diff, without secrets; absent: not told, not known, or no text. */
    readonly diff?: string
    /** When it was modified was set to earlier than it was; absent: not, or nobody knows. */
    readonly set_back?: boolean
    /** What it left is what the package that has that path brought there; absent: not known, or no package says what it brought. */
    readonly as_shipped?: boolean
    /** What had the name before that something took by a rename. */
    readonly replaced?: {
      readonly size: number
      readonly mode: string
      readonly owner: string
      readonly sha256?: string
    }
  }
>
/** The kernel refused it, for the guard of that host has it denied. */
type Preventable = { readonly prevented?: true }

export type MemoryEvent = Observed<
  Partial<Outcome> & { readonly process: OcsfProcess; readonly requested_permissions?: number; readonly size?: number },
  {
    readonly method: MemoryMethod
    readonly access: Access
    readonly relation: Relation
    readonly syscall?: string
  } & Preventable
>
export type TraceEvent = Observed<
  Outcome & { readonly process: OcsfProcess; readonly injection_type_id?: number; readonly injection_type?: string },
  { readonly ptrace_request: string; readonly relation: Relation } & Preventable
>
export type RenameEvent = Observed<{ readonly process: OcsfProcess }, { readonly renamed_from: string }>
export type SignalEvent = Observed<
  { readonly process: OcsfProcess },
  { readonly signal: number; readonly signal_name: string; readonly sent_by: string; readonly relation: Relation }
>
/** The actor has the ids of before, `process` those of after; sets of capabilities are hexadecimal. */
export type CredentialsEvent = Observed<
  { readonly process: OcsfProcess },
  {
    readonly credentials: Readonly<Record<string, number>>
    readonly capabilities_before: string
    readonly capabilities: string
    readonly capabilities_gained?: readonly string[]
  }
>
/** `taints` is the kernel's, hexadecimal: why it no longer vouches for itself, by this module. */
export type ModuleEvent = Observed<{ readonly driver: OcsfDriver }, { readonly taints?: string }>
export type KernelEvent = Observed<
  Partial<Outcome> & { readonly kernel: OcsfKernel },
  {
    readonly bpf?: {
      readonly command: string
      /** The object is the sensor's. */
      readonly own: boolean
      readonly object?: string
      readonly id?: number
      readonly program_type?: string
      readonly map_type?: number
    }
    /** `process` is absent where whatever runs on a CPU is looked at. */
    readonly perf?: { readonly event_type: string; readonly process?: string }
    readonly sysctl?: { readonly setting: string; readonly before: string; readonly after: string }
    readonly namespaces?: {
      readonly call: string
      readonly kinds: readonly string[]
      readonly ids: Readonly<Record<string, number>>
      readonly child_pid?: number
    }
    /** `asked`: the ids that the call was to give, decimal. */
    readonly refused?: { readonly what: string; readonly asked: readonly string[] }
    readonly ring?: { readonly flags?: string; readonly opened?: string }
  }
>
export type NetworkEvent = Observed<
  Partial<Outcome> & {
    readonly src_endpoint?: OcsfEndpoint
    readonly dst_endpoint?: OcsfEndpoint
    readonly connection_info: OcsfConnection
  },
  {
    /** This host began it. */
    readonly initiated: boolean
    readonly socket_family: string
    readonly socket_type: string
    /** Of a netlink socket. */
    readonly socket_protocol?: number
    readonly network_namespace: number
  }
>
/** `taken` is the path of the file whose descriptor pidfd_getfd took. */
export type ReachEvent = Observed<
  Outcome & { readonly process: OcsfProcess },
  {
    readonly method: string
    readonly request: number
    readonly relation: Relation
    readonly taken?: string
  } & Preventable
>
export type ExecutableEvent = Observed<
  {
    readonly process: OcsfProcess
    readonly base_address: string
    readonly size: number
    readonly requested_permissions: number
  },
  { readonly executable: string; readonly mapped?: string }
>
export type ObservedEvent =
  | LaunchEvent
  | TerminateEvent
  | FileEvent
  | FileChangeEvent
  | MountEvent
  | MemoryEvent
  | TraceEvent
  | RenameEvent
  | SignalEvent
  | CredentialsEvent
  | ModuleEvent
  | KernelEvent
  | NetworkEvent
  | ReachEvent
  | ExecutableEvent

export type SiteState = { readonly ok: boolean; readonly reason: string }
export type SiteCounters = { readonly produced: number; readonly dropped: number; readonly sent: number }
export type PerSite<T> = { readonly [site: string]: T }

export type LifecycleEvent = EventBase & {
  readonly app: OcsfProduct
  readonly status_id: number
  readonly status: string
  readonly status_detail?: string
  readonly unmapped: {
    readonly pid?: number
    readonly cause?: string
    readonly part?: HarmedPart
    /** A look at the machine's files (docs/formats/baseline.md, 5). Digests are hex, of all rows. */
    readonly baseline?: {
      readonly digest: string
      readonly against?: string
      readonly rows: number
      readonly unread: number
      readonly added: number
      readonly removed: number
      readonly changed: number
      /** Watched files that differ otherwise than any event told; absent: nobody knows. */
      readonly untold?: number
      readonly names?: readonly string[]
      /** It was held against other rows than those that were sealed before. */
      readonly is_altered: boolean
    }
    readonly sensor?: {
      readonly era: string
      readonly kernel: string
      readonly fresh: boolean
      /** It took over the programs of a sensor that was killed. */
      readonly adopted?: true
      /** What watches each domain (docs/fallbacks.md), and what that does not see. */
      readonly modes: { readonly [domain: string]: string }
      readonly unseen?: readonly string[]
      readonly sites: PerSite<SiteState>
    }
    /** What the server told this host (docs/formats/host-config.md, 4). */
    readonly host_config?: {
      readonly version: number
      readonly from?: number
      readonly digest?: string
      readonly groups?: readonly { readonly name: string; readonly version: number }[]
    }
  }
}

/** How a host's kernel protects itself: all of it, or one setting that changed (docs/formats/event.md, 7.5). */
export type PostureEvent = EventBase & {
  readonly unmapped: {
    /** By setting: sysctls by their names below /proc/sys, `lockdown`, `lsm`. null: not there, or not shown. */
    readonly posture?: { readonly [setting: string]: string | null }
    readonly posture_change?: {
      readonly setting: string
      readonly before: string | null
      readonly after: string | null
      readonly effect: PostureEffect
    }
  }
}
export type PostureEffect = 'weaker' | 'stronger' | 'other'

/** A part of ours that ended, or was found in the hands of somebody else. */
export type HarmedPart = {
  readonly name: string
  readonly pid: number
  /** `blinded`: the sensor is there, and does not see what it must. `altered`: it was written into. `away`: the agent cannot reach it. */
  readonly found: PartFinding['found'] | 'blinded' | 'altered' | 'away'
  readonly remedy: PartFinding['remedy'] | 'none'
  readonly detail: string
  readonly took_ms: number
  readonly out_of_memory: boolean
  readonly by_supervisor: boolean
  readonly tracer?: { readonly pid: number; readonly name: string; readonly path?: string; readonly uid?: string }
  /** Findings before this one that found no room. */
  readonly untold?: number
}

/** An interval during which nobody knows for certain what happened. Times are RFC 3339 with nanoseconds. */
export type Gap = {
  readonly cause: string
  readonly from: string
  readonly to: string
  readonly era_before: string | null
  readonly era_after: string | null
  readonly before: PerSite<SiteCounters> | null
  readonly after: PerSite<SiteCounters> | null
  /** Events known to be lost, per site; null where the counters cannot tell. */
  readonly lost: PerSite<number> | null
  /** Sites that saw nothing meanwhile, where the others went on without a sensor. Absent: none saw anything. */
  readonly unseen?: readonly string[]
}
/** Events the kernel produced and had no room for, per site, counted since the record before. */
export type Drop = {
  readonly from: string
  readonly to: string
  readonly era: string
  readonly dropped: PerSite<number>
}
/** Events shed before sealing, per event code and, the same ones, per site, counted since the record before. */
export type Shed = {
  readonly from: string
  readonly to: string
  readonly queue_depth: number
  readonly shed: PerSite<number>
  readonly sites: PerSite<number>
}

export type LogEvent = EventBase & {
  readonly log_name: string
  readonly log_type_id: number
  readonly log_type: string
  readonly unmapped: { readonly site?: string; readonly gap: Gap } | { readonly drop: Drop } | { readonly shed: Shed }
}

export type SealwatchEvent = ObservedEvent | LifecycleEvent | PostureEvent | LogEvent | Finding | GuardEvent

/** What a producer gives to a chain: the event with its personal values still in it, and where they stand. */
export type EventDraft<E extends EventBase = SealwatchEvent> = {
  readonly event: E
  /** JSON pointers into the line: "/event/actor/user/name". */
  readonly personalPointers: readonly string[]
  /** The event's time, Unix nanoseconds: the line's `time`. */
  readonly timeNs: bigint
}

/** Makes an event fit for sealing: strings well-formed and short enough for one line, personal values located. */
export function draftOf<E extends EventBase>(event: E, timeNs: bigint): EventDraft<E> {
  const fitted = fitText(event)
  return { event: fitted, personalPointers: personalPointers(fitted), timeNs }
}
