// SPDX-License-Identifier: Apache-2.0
// The subset of OCSF's objects that our events hold. Member names are OCSF's, hence snake_case.

/** `name` is personal: in a sealed line it is a commitment (docs/formats/line.md). */
export type OcsfUser = { readonly uid: string; readonly name?: string }

export const fileTypes = {
  unknown: { type_id: 0, type: 'Unknown' },
  regular: { type_id: 1, type: 'Regular File' },
  folder: { type_id: 2, type: 'Folder' },
  characterDevice: { type_id: 3, type: 'Character Device' },
  blockDevice: { type_id: 4, type: 'Block Device' },
  socket: { type_id: 5, type: 'Local Socket' },
  pipe: { type_id: 6, type: 'Named Pipe' },
  symbolicLink: { type_id: 7, type: 'Symbolic Link' },
} as const

/** `value` is lower-case hexadecimal. */
export type OcsfFingerprint = { readonly algorithm_id: number; readonly algorithm: string; readonly value: string }

export type OcsfFile = {
  readonly name: string
  readonly path: string
  readonly type_id: number
  readonly type: string
  /** "<major>:<minor>:<inode>", decimal: what identifies the file when its path does not. */
  readonly uid?: string
  readonly owner?: OcsfUser
  readonly is_deleted?: boolean
  /** In bytes. */
  readonly size?: number
  readonly hashes?: readonly OcsfFingerprint[]
  /** The package that has a file at this path. */
  readonly product?: { readonly name: string; readonly version: string }
  readonly xattributes?: {
    /** Permission bits, four octal digits. */
    readonly mode: string
    readonly nlink: number
    /** Superblock magic, hexadecimal. */
    readonly fs_magic: string
    readonly memfd: boolean
    /** Of a change. */
    readonly gid?: number
  }
}

/** Enough to recognise a process: an ancestor. */
export type OcsfProcessEntity = {
  readonly pid: number
  /** "<pid>:<start, nanoseconds of CLOCK_BOOTTIME>": unique on a host between two boots; start 0 is unknown. */
  readonly uid: string
  /** The kernel's comm: whatever the process calls itself. Never judge by it. */
  readonly name: string
  readonly path?: string
  /** Unix milliseconds. */
  readonly created_time?: number
}

/** One of `uid` and `name` is always there; which, depends on the runtime. */
export type OcsfContainer = {
  readonly uid?: string
  readonly name?: string
  readonly image?: { readonly uid: string; readonly name?: string }
  readonly runtime?: string
  readonly orchestrator?: string
  readonly pod_uuid?: string
}

export type OcsfProcess = Omit<OcsfProcessEntity, 'path'> & {
  readonly file?: OcsfFile
  readonly cmd_line?: string
  readonly user?: OcsfUser
  readonly parent_process?: OcsfProcess
  /** Direct parent first (OCSF 1.4 put this in the place of `lineage`). */
  readonly ancestry?: readonly OcsfProcessEntity[]
  /** The acting thread. */
  readonly ptid?: number
  readonly euid?: number
  readonly auid?: number
  readonly group?: { readonly uid: string }
  /** `uid` is the audit session, `terminal` the name of the controlling terminal below /dev. */
  readonly session?: { readonly uid?: string; readonly terminal?: string }
  readonly container?: OcsfContainer
  readonly xattributes?: {
    readonly pid_namespace: number
    readonly mount_namespace: number
    readonly cgroup_id: string
    /** systemd's, of a process outside of any container. */
    readonly unit?: string
    readonly user_unit?: string
    readonly pod_qos?: string
  }
}

/** A module: the kernel tells its name, and not where its file was. */
export type OcsfDriver = { readonly file: Pick<OcsfFile, 'name' | 'type_id' | 'type'> }

export type OcsfKernel = {
  readonly name: string
  readonly type_id: number
  readonly type: string
  readonly path?: string
  readonly system_call?: string
}

/** One side of a connection: an address of IP with its port, or the name of a unix socket; of no connection, the host. */
export type OcsfEndpoint =
  | { readonly ip: string; readonly port: number }
  | { readonly name: string }
  | { readonly hostname: string }

export type OcsfConnection = {
  readonly direction_id: number
  readonly direction: string
  readonly protocol_num?: number
  /** IANA's, lower-case. */
  readonly protocol_name?: string
  readonly protocol_ver_id?: number
}

export type OcsfActor = { readonly process: OcsfProcess; readonly user?: OcsfUser } | { readonly app_name: string }

export type OcsfProduct = {
  readonly name: string
  readonly vendor_name: string
  readonly version?: string
  /** The component that speaks: "agent", "sensor", "detect", … */
  readonly feature?: { readonly name: string }
}

export type OcsfMetadata = {
  readonly version: string
  readonly uid: string
  readonly tenant_uid: string
  readonly product: OcsfProduct
  /** Our own kind of event, finer than class and activity: "mem_open", "gap", … */
  readonly event_code: string
  readonly profiles: readonly string[]
  readonly extensions?: readonly { readonly name: string; readonly uid: string; readonly version: string }[]
  /** When the source saw it: nanoseconds of CLOCK_BOOTTIME, decimal. */
  readonly original_time?: string
  readonly correlation_uid?: string
  readonly is_truncated?: boolean
}

export type OcsfDevice = {
  readonly uid: string
  readonly hostname: string
  readonly type_id: number
  readonly type: string
  readonly boot_uid?: string
  readonly os: {
    readonly name: string
    readonly type_id: number
    readonly type: string
    readonly version?: string
    readonly kernel_release?: string
  }
}

/** Ancestors' images, parent first; the comm where the image is not known. */
export function lineageOf(process: OcsfProcess): readonly string[] {
  // A host in an attacker's hands may have sealed anything.
  const ancestry = Array.isArray(process.ancestry) ? (process.ancestry as readonly OcsfProcessEntity[]) : []
  return ancestry.map((ancestor) => ancestor.path ?? ancestor.name)
}

/** `is_applied`: it was followed, and not only told. */
export type OcsfPolicy = {
  readonly uid: string
  readonly name?: string
  readonly version: string
  readonly is_applied: boolean
}
