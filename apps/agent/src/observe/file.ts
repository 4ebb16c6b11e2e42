// SPDX-License-Identifier: Apache-2.0

import { type Access, type Activity, fileTypes, type OcsfFile } from '@sealwatch/contract'
import type { FileRef } from '../sources/observation.ts'

// <asm-generic/fcntl.h>: the same on every architecture we build for.
const O_ACCMODE = 0o3
const O_CREAT = 0o100
const O_EXCL = 0o200
const O_TRUNC = 0o1000
const O_PATH = 0o10000000

const accessModes: readonly Access[] = ['read', 'write', 'read_write', 'none']

/** What the descriptor can be used for. O_PATH gives a handle without data. */
export function accessOf(flags: number): Access {
  return (flags & O_PATH) !== 0 ? 'none' : (accessModes[flags & O_ACCMODE] ?? 'none')
}

/** docs/formats/event.md, 3.3: the strongest thing that the open surely or possibly does. */
export function fileActivityOf(flags: number): Activity<'file'> {
  const access = accessOf(flags)
  if (access === 'none') return 'open'
  if ((flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0) return 'create'
  return access !== 'read' || (flags & O_TRUNC) !== 0 ? 'update' : 'read'
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

export function fileOf(file: FileRef): OcsfFile {
  return {
    name: baseName(file.path),
    path: file.path,
    ...(fileTypesByFormat.get(file.mode & formatMask) ?? fileTypes.unknown),
    uid: `${file.dev}:${file.ino}`,
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
