// SPDX-License-Identifier: Apache-2.0

import { type Access, type Activity, fileTypes, type OcsfFile } from '@sealwatch/contract'
import type { FileRef } from '../sources/observation.ts'

// <asm-generic/fcntl.h>: the same on every architecture we build for.
const O_ACCMODE = 0o3
const O_CREAT = 0o100
const O_PATH = 0o10000000

const accessModes: readonly Access[] = ['read', 'write', 'read_write', 'none']

/** What the descriptor can be used for. O_PATH gives a handle without data. */
export function accessOf(flags: number | null): Access {
  if (flags === null) return 'unknown'
  return (flags & O_PATH) !== 0 ? 'none' : (accessModes[flags & O_ACCMODE] ?? 'none')
}

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
      mode: (file.mode & 0o7777).toString(8).padStart(4, '0'),
      nlink: file.nlink,
      fs_magic: `0x${(file.fsMagic >>> 0).toString(16)}`,
      memfd: file.memfd,
    },
  }
}

/** A program's image of which only the path is known. */
export function imageOf(path: string): OcsfFile {
  return { name: baseName(path), path, ...fileTypes.regular }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1) || path
}
