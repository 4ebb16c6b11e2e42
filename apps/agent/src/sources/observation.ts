// SPDX-License-Identifier: Apache-2.0

import type { FileWay } from '@sealwatch/detect/policy'

/** A process as other processes remember it: pid and start time together are never reused. */
export type TaskRef = {
  readonly pid: number
  /** Start of the thread group leader, nanoseconds of CLOCK_BOOTTIME. */
  readonly startNs: bigint
  readonly comm: string
}

/** A process as the one upon whom another acts. */
export type TargetRef = TaskRef & {
  /** Its parent at that moment. */
  readonly ppid: number
}

/** What the kernel said of the acting task at the moment of the act. */
export type Task = TaskRef & {
  readonly tid: number
  readonly ppid: number
  readonly uid: number
  readonly euid: number
  readonly gid: number
  /** audit login uid; null when never set (4294967295). */
  readonly loginUid: number | null
  readonly sessionId: number | null
  readonly pidNs: number
  readonly mntNs: number
  readonly cgroupId: bigint
  /** Path of the running image in its mount namespace (no chroot shortens it); null for kernel threads. */
  readonly exe: string | null
  /** Parent first, at most eight. */
  readonly ancestors: readonly TaskRef[]
}

/** A file by object: the path is for people, device and inode identify it. */
export type FileRef = {
  /** In the actor's mount namespace. Begins with ? instead of / when its beginning was lost to a limit. */
  readonly path: string
  /** The kernel's dev_t: major << 20 | minor. */
  readonly dev: number
  readonly ino: bigint
  /** st_mode */
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  /** Superblock magic (statfs f_type). */
  readonly fsMagic: number
  /** No name in any directory: memfd, or unlinked while open. */
  readonly unlinked: boolean
  readonly memfd: boolean
}

/** Variables by which foreign code comes into a program, in the order of their bits on the wire. */
export const watchedVariables = [
  'LD_PRELOAD',
  'LD_AUDIT',
  'LD_LIBRARY_PATH',
  'NODE_OPTIONS',
  'BASH_ENV',
  'PYTHONPATH',
  'PYTHONSTARTUP',
  'PERL5OPT',
  'RUBYOPT',
  'GCONV_PATH',
] as const
export type WatchedVariable = (typeof watchedVariables)[number]

/** `kernel`: to save memory, or because a pid namespace ends; the actor only ran at that moment. */
export type SignalSource = 'kill' | 'tgkill' | 'sigqueue' | 'kernel'

/** All ids of a process, as the initial user namespace numbers them. */
export type CredentialIds = {
  readonly [Id in 'uid' | 'euid' | 'suid' | 'fsuid' | 'gid' | 'egid' | 'sgid' | 'fsgid']: number
}

export type BpfObject = 'program' | 'map' | 'link'

/** In the order of their bits on the wire; `pid` and `time` are those of children to come. */
export const namespaceKinds = ['mnt', 'uts', 'ipc', 'pid', 'net', 'user', 'cgroup', 'time'] as const
export type NamespaceKind = (typeof namespaceKinds)[number]

/** `address` is dotted for IPv4, also where the socket is of IPv6; RFC 5952 else. */
export type Endpoint = { readonly address: string; readonly port: number }

/** A socket as the kernel had it when the call returned. */
export type SocketRef = {
  readonly family: SocketFamily
  readonly type: SocketType
  /** Of IPv4 and IPv6 its IANA number, of netlink its own; of a packet socket it says nothing. */
  readonly protocol: number
  /** null: not of IPv4 or IPv6. */
  readonly local: Endpoint | null
  /** null: the same, or there is no other side. */
  readonly remote: Endpoint | null
  /** Of a unix socket: a path, as it was given; `@` and a name that is in no file system (abstract); null: none. */
  readonly name: string | null
  readonly netNs: number
}
export type SocketFamily = 'unix' | 'ipv4' | 'ipv6' | 'netlink' | 'packet'
export type SocketType = 'stream' | 'dgram' | 'raw' | 'rdm' | 'seqpacket' | 'dccp' | 'packet'
/** `connect_failed`: a connection that was under way when its connect was told. Told briefly, as a fork is; so is `socket_ended`. */
export type SocketAct =
  | 'connect'
  | 'connect_failed'
  | 'accept'
  | 'bind'
  | 'listen'
  | 'datagram'
  | 'socket'
  | 'socket_ended'

/** `request`: the descriptor in the other process, RLIMIT_, MADV_, KCMP_, the flags. */
export type ReachCall = 'pidfd_getfd' | 'prlimit64' | 'process_madvise' | 'kcmp' | 'userfaultfd'

/** Writable at the same time; made executable later; anonymous from the start; of a file that has no name. */
export const executableWays = ['writable', 'made', 'anonymous', 'nameless_file'] as const
export type ExecutableWay = (typeof executableWays)[number]

/**
 * In the order of their numbers on the wire, from 1. `truncate`: the file is shorter than it was. `cover`: the path leads to another
 * file by now, for something was mounted over it, or is no more; nobody knows by whom. `unwatched`: what is below it is not.
 */
export const fileChanges = [
  'create',
  'write',
  'truncate',
  'rename',
  'link',
  'remove',
  'attributes',
  'unwatched',
  'cover',
] as const
export type FileChange = (typeof fileChanges)[number]

/** Lines of a text that differ: `removed` stood from the line of that number (from 1) on where `added` stand now. */
export type ChangedLines = {
  readonly from: number
  readonly removed: readonly string[]
  readonly added: readonly string[]
  /** There are more of either. */
  readonly isCut: boolean
}

/** What a file was when it was looked at. */
export type FileState = {
  readonly size: bigint
  /** st_mode */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly nlink: number
  /** Of the content, lower-case hexadecimal; null where it was too long, no regular file, or too much to hash at once. */
  readonly sha256: string | null
}

export type OpenSyscall = 'open' | 'openat' | 'openat2' | 'creat' | 'open_by_handle_at'

/** In the order of their numbers on the wire, from 1. */
export const weakenings = ['dumpable', 'tracer'] as const
export type Weakening = (typeof weakenings)[number]

/** The same. */
export const refusals = ['open', 'ids', 'module'] as const
export type Refusal = (typeof refusals)[number]

/** The same. */
export const mountCalls = ['mount', 'umount', 'move_mount', 'pivot_root'] as const
export type MountCall = (typeof mountCalls)[number]

/**
 * What a source saw. `timeNs` is CLOCK_BOOTTIME; `truncated` says that a string met a limit. `flags` are those of the
 * opened file, with O_CREAT only when this open made it. `result` is what the call returned: negative is an errno, the
 * attempt was refused, and `bytes` is 0. A target with startNs 0n ended before it could be looked up. `watched` is the entry
 * of the watch list by which the file is watched, whatever path it was opened by. The actor of a `file_change` is a pid; what
 * else is told of it was looked up afterwards, with a start known to 10 ms, or 0 where it had ended by then.
 */
export type Observation = {
  readonly timeNs: bigint
  readonly actor: Task
  readonly truncated: boolean
  /** Bits of `capabilities_mask` whose members the source did not see of the very process (frame.md, 4.9); absent: none. */
  readonly unsure?: number
  /** The same was seen so many times more, the last time at `lastNs`, and nothing of it differed (event.md, 3.20); absent: once. */
  readonly again?: { readonly times: number; readonly lastNs: bigint }
} & (
  | {
      readonly kind: 'exec'
      readonly file: FileRef
      readonly filename: string
      /** Secrets are taken out where the arguments come in; `redacted` says that there were any (LOG-5). */
      readonly argv: readonly string[]
      readonly redacted?: boolean
      /** Those of the watched variables that are set; their values are not taken. */
      readonly variables: readonly WatchedVariable[]
      /** NODE_OPTIONS is set, to nothing but flags that are known to do no harm (frame.md, 5.4). */
      readonly optionsHarmless?: true
      /** The environment was longer than what is looked through: more may be set. */
      readonly variablesCut: boolean
      /** The program gained other ids or capabilities than its starter has (AT_SECURE): its loader ignores LD_PRELOAD. */
      readonly secure: boolean
      /** Of its descriptors 0, 1 and 2 those that are sockets of IPv4 or IPv6. */
      readonly networkDescriptors: readonly number[]
      /** Pid of who traces it while it starts; absent: nobody. */
      readonly tracer?: number
    }
  /** null: nobody saw how it ended. */
  | {
      readonly kind: 'exit'
      readonly exitCode: number | null
      readonly signal: number | null
      /** The kernel wrote its core, or handed it to a program. */
      readonly dumped?: true
    }
  | {
      readonly kind: 'file_open'
      /** null: the source does not say by which call, or how. */
      readonly syscall: OpenSyscall | null
      readonly file: FileRef
      readonly flags: number | null
      readonly watched: string
    }
  | {
      readonly kind: 'file_change'
      readonly change: FileChange
      /** Null where a rename came from a directory that is not watched. */
      readonly path: string | null
      /** Of a rename: the new path, null where nobody knows it. Else null. */
      readonly to: string | null
      /** As in FileRef; zero where the file was gone before anybody could look. */
      readonly dev: number
      readonly ino: bigint
      readonly fsMagic: number
      readonly watched: string
      /** Secrets are taken out. Null: they are not told, not known, or no text. */
      readonly lines: ChangedLines | null
      /** When it was modified was set to earlier than it was. */
      readonly isSetBack: boolean
      readonly after: FileState | null
      /** Of a rename: what was replaced by it. Null also where it is not known. */
      readonly before: FileState | null
    }
  | {
      readonly kind: 'mem_open'
      /** null: by another way, which the source does not tell. */
      readonly syscall: OpenSyscall | null
      readonly target: TargetRef
      readonly flags: number
      /** Here and below: the kernel refused it with EPERM, for the guard has that denied. */
      readonly prevented?: true
    }
  | {
      readonly kind: 'ptrace'
      readonly target: TargetRef
      readonly request: number
      readonly result: number
      readonly prevented?: true
    }
  | {
      readonly kind: 'vm_read' | 'vm_write'
      readonly target: TargetRef
      readonly bytes: number
      readonly result: number
      readonly prevented?: true
    }
  /** The actor made a process, which has done nothing yet. Told briefly: its ancestors and its image are not. */
  | {
      readonly kind: 'fork'
      readonly child: TargetRef
      /** Pid of who traces it from its birth; absent: nobody. */
      readonly tracer?: number
      /** Path of the memory of a protected process, of which it has a descriptor from birth; absent: of none. */
      readonly inherited?: string
    }
  /** `from` and `to` are comms of the process. */
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  /** The queue of the site was full, not before `sinceNs`: what it did not take nobody counted. The actor is nobody. */
  | { readonly kind: 'overflow'; readonly sinceNs: bigint }
  | { readonly kind: 'signal'; readonly target: TargetRef; readonly signal: number; readonly sentBy: SignalSource }
  /** A thread changed its ids or its effective capabilities (a bit each). The actor's ids are those before. */
  | {
      readonly kind: 'credentials'
      readonly ids: CredentialIds
      readonly capabilitiesBefore: bigint
      readonly capabilities: bigint
    }
  | { readonly kind: 'module'; readonly name: string; readonly loaded: boolean; readonly taints: number }
  /** `type` is a number of <linux/bpf.h>, of a link that of its program; `own`: the object is the sensor's. */
  | {
      readonly kind: 'bpf'
      readonly command: number
      readonly object: BpfObject | null
      readonly type: number
      readonly id: number
      readonly name: string
      readonly own: boolean
      readonly result: number
    }
  /** A target of pid 0: whatever runs on a CPU. `path`: what a probe is put into, as it was asked for; absent: nobody said. */
  | {
      readonly kind: 'perf'
      readonly target: TargetRef
      readonly type: number
      readonly result: number
      readonly path?: string
    }
  /** Below /proc/sys, `after` as it was asked for. */
  | { readonly kind: 'sysctl'; readonly name: string; readonly before: string; readonly after: string }
  /** Inode numbers of the namespaces that are others now, of the actor, or of its new child. */
  | {
      readonly kind: 'namespaces'
      readonly call: 'clone' | 'unshare' | 'setns'
      readonly childPid: number | null
      readonly entered: Readonly<Partial<Record<NamespaceKind, number>>>
    }
  | {
      readonly kind: SocketAct
      readonly socket: SocketRef
      /** errno; 0: it succeeded. EINPROGRESS: it is under way, and a `connect_failed` follows if it fails. */
      readonly error: number
      /** How often the process did the same since it was told last: counted, and not told. */
      readonly repeats: number
      /** Of `socket_ended`, and of that alone: as what it was told when it began. */
      readonly began?: SocketAct
    }
  /** A policy's rule, by its place in a table that the sensor was told, refused it (frame.md, 10). The socket has no local side. */
  | {
      readonly kind: 'denied'
      readonly call: 'connect' | 'datagram'
      readonly socket: SocketRef
      readonly table: number
      readonly rule: number
      /** As of other acts on sockets. */
      readonly repeats: number
    }
  /** The same of a file that was to be opened, or run. `watched` is the path that the policy names it by. */
  | {
      readonly kind: 'file_denied'
      readonly way: FileWay
      readonly file: FileRef
      readonly watched: string
      readonly table: number
      readonly rule: number
      readonly repeats: number
    }
  /** `taken` is the path of the file that pidfd_getfd took, empty elsewhere; of userfaultfd the target is the actor. */
  | {
      readonly kind: 'reach'
      readonly call: ReachCall
      readonly target: TargetRef
      readonly request: number
      readonly result: number
      readonly taken: string
      readonly prevented?: true
    }
  /** `path` is that of the file that is mapped, empty where there is none; `protection` is PROT_, or-ed. */
  | {
      readonly kind: 'executable'
      readonly way: ExecutableWay
      readonly address: bigint
      readonly length: bigint
      readonly protection: number
      readonly path: string
    }
  /**
   * EPERM or EACCES. `call` is the number of the system call, `asked` its first three arguments where it asks for ids. Of an open
   * `path` is absolute, as it was asked for, links not followed, and `watched` as of a file_open; else null.
   */
  | {
      readonly kind: 'refused'
      readonly what: Refusal
      readonly call: number
      readonly error: number
      readonly asked: readonly bigint[]
      readonly path: string | null
      readonly watched: string | null
    }
  /**
   * The actor was given a descriptor over a unix socket; null: it had no number yet when it was told. `watched` null: it is of a
   * memory. A sender of pid 0 is gone, or came by a way that does not tell.
   */
  | {
      readonly kind: 'passed'
      readonly sender: TargetRef
      readonly descriptor: number | null
      readonly flags: number
      readonly path: string
      readonly watched: string | null
    }
  /** `source` and `target` as they were asked for; empty where the call has none. */
  | {
      readonly kind: 'mount'
      readonly call: MountCall
      readonly error: number
      readonly flags: bigint
      readonly source: string
      readonly target: string
    }
  /** `path` null: a ring was set up. Else what was opened into the ring's own table, where nobody can look at it. */
  | { readonly kind: 'uring'; readonly flags: number; readonly path: string | null }
  /** To the guard alone: what /proc shows of a protected process, but its memory, which is a mem_open. */
  | {
      readonly kind: 'proc_open'
      readonly syscall: OpenSyscall | null
      readonly target: TargetRef
      readonly flags: number
      readonly path: string
    }
  /** The same: a protected process let others come closer by prctl: PR_SET_DUMPABLE, PR_SET_PTRACER (2^64 - 1: anybody). */
  | { readonly kind: 'weakened'; readonly what: Weakening; readonly value: bigint }
  /** The same: a group was frozen, or goes on. `path` as its hierarchy has it. */
  | { readonly kind: 'frozen'; readonly cgroupId: bigint; readonly path: string; readonly frozen: boolean }
  /** The same: the actor, a protected process, as the examiner found it. */
  | ({ readonly kind: 'examined' } & Examination)
)

/** Whom something is done to; undefined: to no process in particular. */
export const targetOf = (message: Observation | SensorMessage): TargetRef | undefined =>
  'target' in message && typeof message.target === 'object' ? message.target : undefined

/** What is wrong with a process as it becomes protected. */
export type Examination = {
  /** Pid of who traces it; absent: nobody. */
  readonly tracer?: number
  /** Pid of another process that has a descriptor of its memory, of several one; absent: none. */
  readonly holder?: number
  /** In its environment, as of an exec. */
  readonly variables: readonly WatchedVariable[]
  readonly optionsHarmless?: true
  /** As they stand in its memory now. */
  readonly argv: readonly string[]
  /** On which its debugger listens; absent: it does not. */
  readonly port?: number
  /** How much of its memory a crash may write out: bytes, 2^64 - 1 is all. */
  readonly core: bigint
  /** Other processes of its user may look into it. Root's is never: nobody else may. */
  readonly isDumpable: boolean
  /** /etc/ld.so.preload has something in it. */
  readonly isPreloaded: boolean
  /** The first that was found of what it runs and somebody else may change; absent: nothing. */
  readonly foreignCode?: string
}

const guardKinds: readonly Observation['kind'][] = ['proc_open', 'weakened', 'frozen', 'examined']
/** What is told to the guard alone (frame.md, 12.3). */
export type GuardObservation = Extract<Observation, { kind: 'proc_open' | 'weakened' | 'frozen' | 'examined' }>
export const isForGuard = (observation: Observation): observation is GuardObservation =>
  guardKinds.includes(observation.kind)

/** A sensor site is one kind of act in the kernel: one probe, one row of counters, one row of `sealwatch doctor`. */
export const sites = [
  'exec',
  'exit',
  'open',
  'openat',
  'openat2',
  'creat',
  'ptrace',
  'process_vm_readv',
  'process_vm_writev',
  'fork',
  'task_rename',
  'signal_generate',
  'credentials',
  'proc_connector',
  'fanotify',
  'module',
  'bpf',
  'perf_event_open',
  'sysctl',
  'namespaces',
  'connect',
  'accept',
  'bind',
  'listen',
  'datagram',
  'socket',
  'file_open',
  'reach',
  'executable',
  'proc_poll',
  'inotify',
  'file_change',
  'sock_diag',
  'proc_net',
  'entry_32',
  'open_by_handle_at',
  'io_uring',
  'refused',
  'passed',
  'mount',
  'policy',
  'file_policy',
  'examiner',
] as const
export type Site = (typeof sites)[number]

/** Sites that are no BPF program. */
export const sources: readonly Site[] = ['proc_connector', 'fanotify', 'proc_poll', 'inotify', 'sock_diag', 'proc_net']

/** What watches a domain, in the order of their numbers on the wire (docs/fallbacks.md). */
export const modes = ['ebpf', 'fanotify', 'proc_connector', 'ptrace', 'polling', 'none', 'sock_diag'] as const
export type Mode = (typeof modes)[number]
/** In the order in which a hello tells their modes. */
export const domains = ['process', 'file', 'network'] as const
export type Domain = (typeof domains)[number]
export type Modes = { readonly [D in Domain]: Mode }

/**
 * Cumulative since the counters' era began; `sent` = handed over or lost beyond recovery in userspace; `repeated` = seen again,
 * and not told for that (so not among those produced).
 */
export type SiteCounts = {
  readonly produced: bigint
  readonly dropped: bigint
  readonly sent: bigint
  readonly repeated: bigint
}
export type SensorCounts = { readonly [S in Site]: SiteCounts }

/** First frame of every connection. */
export type SensorHello = {
  readonly kind: 'hello'
  readonly timeNs: bigint
  /** Random id of the pinned counters; a new one (reboot, pins removed) starts all counts at zero. */
  readonly era: string
  readonly sensorVersion: string
  readonly kernel: string
  /** true when this sensor process has just attached its programs, false when it only reconnected, or took programs over. */
  readonly fresh: boolean
  /** This sensor process has taken over the programs of one that was killed, which saw all meanwhile. */
  readonly adopted?: true
  readonly modes: Modes
  /** A site that is not attached and has no reason stands by: nothing in these modes needs it. */
  readonly attached: { readonly [S in Site]: { readonly ok: boolean; readonly reason: string } }
  readonly counts: SensorCounts
}

/** What somebody did to the sensor lately, in the order of their bits on the wire. */
export const sensorHarms = ['pin', 'memory', 'counters', 'programs', 'covered', 'detached'] as const
export type SensorHarm = (typeof sensorHarms)[number]

/** Sent every second when a count changed, else every five as a heartbeat. */
export type SensorReport = {
  readonly kind: 'report'
  readonly timeNs: bigint
  readonly era: string
  readonly counts: SensorCounts
  /** Number of the table that it follows: to the agent of network policies, to the guard of protected processes; absent: none. */
  readonly table?: number
  /** The same of files and programs; and how many paths of it are not guarded. */
  readonly fileTable?: number
  readonly unguarded?: number
  /** Sites that are attached and do not see what they must; absent: none. */
  readonly blind?: readonly Site[]
  readonly harms?: readonly SensorHarm[]
}

export type SensorMessage = SensorHello | SensorReport | (Observation & { readonly site: Site })
