// SPDX-License-Identifier: Apache-2.0

import { type Access, type Activity, fileTypes, type OcsfFile } from '@sealwatch/contract'
import type { FileChange, FileRef, FileState } from '../sources/observation.ts'

// <asm-generic/fcntl.h>: the same on every architecture we build for.
const O_ACCMODE = 0o3
const O_CREAT = 0o100
const O_PATH = 0o10000000
/** Of <linux/fs.h>: the kernel opened it itself, to run it. */
const FMODE_EXEC = 0o40

const accessModes: readonly Access[] = ['read', 'write', 'read_write', 'none']

/** What the descriptor can be used for. O_PATH gives a handle without data. */
export function accessOf(flags: number | null): Access {
  if (flags === null) return 'unknown'
  return (flags & O_PATH) !== 0 ? 'none' : (accessModes[flags & O_ACCMODE] ?? 'none')
}

export const isRun = (flags: number | null): boolean => flags !== null && (flags & FMODE_EXEC) !== 0

/** docs/formats/event.md, 3.3: the most that the open can be for. The sensor keeps O_CREAT only of opens that created. */
export function fileActivityOf(flags: number | null): Activity<'file'> {
  if (flags === null) return 'open'
  if ((flags & O_CREAT) !== 0) return 'create'
  const access = accessOf(flags)
  if (access === 'none') return 'open'
  return access === 'read' ? 'read' : 'update'
}

const formatMask = 0o170000
const fileTypesByFormat = new Map<number, { readonly type_id: number; readonly type: string }>([
  [0o100000, fileTypes.regular],
  [0o040000, fileTypes.folder],
  [0o020000, fileTypes.characterDevice],
  [0o060000, fileTypes.blockDevice],
  [0o140000, fileTypes.socket],
  [0o010000, fileTypes.pipe],
  [0o120000, fileTypes.symbolicLink],
])

const minorBits = 20
const minorMask = 0xfffff

export function fileOf(file: FileRef): OcsfFile {
  return {
    name: baseName(file.path),
    path: file.path,
    ...(fileTypesByFormat.get(file.mode & formatMask) ?? fileTypes.unknown),
    uid: `${file.dev >>> minorBits}:${file.dev & minorMask}:${file.ino}`,
    owner: { uid: String(file.uid) },
    is_deleted: file.unlinked,
    xattributes: {
      mode: octal(file.mode),
      nlink: file.nlink,
      fs_magic: `0x${(file.fsMagic >>> 0).toString(16)}`,
      memfd: file.memfd,
    },
  }
}

const changeActivities: Readonly<Record<FileChange, Activity<'file'>>> = {
  create: 'create',
  write: 'update',
  truncate: 'update',
  rename: 'rename',
  link: 'link',
  remove: 'delete',
  attributes: 'setAttributes',
  unwatched: 'unwatched',
  cover: 'mount',
}

export const changeActivityOf = (change: FileChange): Activity<'file'> => changeActivities[change]

type ChangedFile = { readonly dev: number; readonly ino: bigint; readonly fsMagic: number }

/** A file as it was, or is, at a path; null: nobody could look. */
export function stateOf(path: string, state: FileState | null, file: ChangedFile): OcsfFile {
  if (state === null) return namedFile(path)
  const { dev, ino, fsMagic } = file
  const { mode, nlink, uid, gid, size, sha256 } = state
  const ref = { path, dev, ino, mode, nlink, uid, fsMagic, unlinked: false, memfd: false }
  const { xattributes, ...rest } = fileOf(ref)
  return {
    ...rest,
    size: Number(size),
    ...(sha256 !== null && { hashes: [sha256Of(sha256)] }),
    ...(xattributes && { xattributes: { ...xattributes, gid } }),
  }
}

export const sha256Of = (value: string) => ({ algorithm_id: 3, algorithm: 'SHA-256', value })

/** What had a name before something else took it. */
export function replacedOf({ size, mode, uid, sha256 }: FileState) {
  const bits = octal(mode)
  return { size: Number(size), mode: bits, owner: String(uid), ...(sha256 !== null && { sha256 }) }
}

export const octal = (mode: number) => (mode & 0o7777).toString(8).padStart(4, '0')

/** A program's image of which only the path is known. */
export function imageOf(path: string): OcsfFile {
  return { name: baseName(path), path, ...fileTypes.regular }
}

/** Of a file of which only the path is known. */
export function namedFile(path: string): OcsfFile {
  return { name: baseName(path), path, ...fileTypes.unknown }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1) || path
}
