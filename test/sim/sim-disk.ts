// SPDX-License-Identifier: Apache-2.0

import { dirname, join } from 'node:path'
import { type AppendFile, type DerivedFile, type Disk, diskErrors, errorsOf } from '@sealwatch/base'
import { Ended, type Life, type Scheduler } from './scheduler.ts'

const diskError = errorsOf(diskErrors)
const sectorBytes = 512

/** A file: what is read back now, and what a power cut leaves. */
type Inode = {
  cached: Buffer
  stable: Buffer
  /** Written and not synced; a power cut keeps any of its sectors, or none. */
  dirty: { from: number; to: number }[]
}

export type SimDisk = {
  /** The disk as one process sees it: when the process has ended, its calls have no effect and no answer. */
  for(life: Life): Disk
  /** The machine loses power: what was not synced is lost in part, or torn, or replaced by zeros. */
  powerCut(): void
  /** Bytes that still fit. */
  room: number
  /** The next syncs of files fail, once each, and what they should have written is not on the disk. */
  failingSyncs: number
  /** Calls back when a file is replaced, at the moment from which anybody could read the new one. */
  onReplaced: (path: string, data: Buffer) => void
  /** As it would be read now. */
  read(path: string): Buffer | undefined
  paths(under: string): string[]
  /** Changes one bit of a file, on the disk and in the cache. */
  flip(path: string, byte: number, bit: number): void
  /** Every file below a folder, to put back later. */
  save(under: string): () => void
}

/**
 * A disk with a page cache and a directory cache, as POSIX promises them and no better: only what was synced survives
 * a power cut, a name only when its directory was synced too; a sync that fails loses what it should have written, and
 * the next one does not try again (Linux, errseq); processes that die leave the cache as it is.
 */
export function createSimDisk(scheduler: Scheduler): SimDisk {
  let names = new Map<string, Inode>()
  let stableNames = new Map<string, Inode>()
  const folders = new Set<string>(['/'])
  const world: SimDisk = {
    for: diskOf,
    powerCut,
    room: Number.MAX_SAFE_INTEGER,
    failingSyncs: 0,
    onReplaced: () => undefined,
    read: (path) => names.get(path)?.cached,
    paths: (under) => [...names.keys()].filter((path) => path.startsWith(`${under}/`)).sort(),
    flip(path, byte, bit) {
      const inode = names.get(path) as Inode
      for (const copy of new Set([inode.cached, inode.stable]))
        if (byte < copy.length) copy[byte] = (copy[byte] as number) ^ (1 << bit)
    },
    save(under) {
      const kept = world.paths(under).map((path) => [path, Buffer.from((names.get(path) as Inode).cached)] as const)
      return () => {
        for (const path of world.paths(under)) forget(path)
        for (const [path, content] of kept) {
          const inode = { cached: Buffer.from(content), stable: Buffer.from(content), dirty: [] }
          names.set(path, inode)
          stableNames.set(path, inode)
        }
      }
    },
  }

  function forget(path: string): void {
    names.delete(path)
    stableNames.delete(path)
  }

  const create = (path: string): Inode => {
    const inode = { cached: Buffer.alloc(0), stable: Buffer.alloc(0), dirty: [] }
    names.set(path, inode)
    return inode
  }

  function write(inode: Inode, from: number, bytes: Buffer): void {
    inode.cached = Buffer.concat([inode.cached.subarray(0, from), bytes, inode.cached.subarray(from + bytes.length)])
    inode.dirty.push({ from, to: from + bytes.length })
  }

  /** Brings [from, to) and the length onto the disk; a failing sync leaves out the bytes and forgets that they are due. */
  function sync(inode: Inode, from: number, to: number, attempted: string): void {
    const fails = world.failingSyncs > 0
    if (fails) world.failingSyncs -= 1
    if (inode.stable.length < to)
      inode.stable = Buffer.concat([
        inode.stable,
        Buffer.alloc(Math.min(to, inode.cached.length) - inode.stable.length),
      ])
    const left: Inode['dirty'] = []
    for (const range of inode.dirty) {
      const start = Math.max(range.from, from)
      const end = Math.min(range.to, to, inode.cached.length)
      if (start < end && !fails) inode.cached.copy(inode.stable, start, start, end)
      if (range.from < Math.min(start, range.to)) left.push({ from: range.from, to: Math.min(start, range.to) })
      if (Math.max(end, range.from) < range.to) left.push({ from: Math.max(end, range.from), to: range.to })
    }
    inode.dirty = left
    if (fails) throw diskError('DISK_FAILED', { attempted, received: 'EIO' })
  }

  const syncFolder = (folder: string) => {
    for (const path of [...stableNames.keys()])
      if (dirname(path) === folder && !names.has(path)) stableNames.delete(path)
    for (const [path, inode] of names) if (dirname(path) === folder) stableNames.set(path, inode)
  }

  function powerCut(): void {
    const kept = new Map<string, Inode>()
    for (const path of new Set([...names.keys(), ...stableNames.keys()])) {
      const inode = scheduler.oneIn(2) ? names.get(path) : stableNames.get(path)
      if (inode !== undefined) kept.set(path, inode)
    }
    for (const inode of new Set(kept.values())) {
      for (const { from, to } of inode.dirty) tear(inode, from, Math.min(to, inode.cached.length))
      inode.dirty = []
      inode.cached = Buffer.from(inode.stable)
    }
    names = kept
    stableNames = new Map(kept)
  }

  /** Some sectors of [from, to) reached the disk; a length that did without its bytes leaves zeros. */
  function tear(inode: Inode, from: number, to: number): void {
    const reached = from + scheduler.below(Math.max(1, to - from + 1))
    if (inode.stable.length < reached)
      inode.stable = Buffer.concat([inode.stable, Buffer.alloc(reached - inode.stable.length)])
    const keepsAll = scheduler.oneIn(2)
    for (let at = from; at < Math.min(reached, inode.stable.length); ) {
      const end = Math.min(reached, at + sectorBytes - (at % sectorBytes))
      if (keepsAll || scheduler.oneIn(2)) inode.cached.copy(inode.stable, at, at, end)
      at = end
    }
  }

  function take(bytes: number, attempted: string): void {
    if (bytes > world.room) throw diskError('DISK_FULL', { attempted, received: 'ENOSPC' })
    world.room -= bytes
  }

  function diskOf(life: Life): Disk {
    const now = () => {
      if (life.ended) throw new Ended(`${life.name} has ended`)
    }
    const turn = () => scheduler.turn(life)

    function appendFile(path: string, inode: Inode): AppendFile {
      let size = inode.cached.length
      return {
        path,
        get size() {
          return size
        },
        append: async (chunks) => {
          const bytes = Buffer.concat(chunks)
          await turn()
          take(bytes.length, `appending ${bytes.length} bytes to ${path}`)
          const from = inode.cached.length
          write(inode, from, bytes)
          await turn()
          sync(inode, from, from + bytes.length, `appending ${bytes.length} bytes to ${path}`)
          size += bytes.length
          await turn()
        },
        truncate: async (to) => {
          await turn()
          inode.cached = inode.cached.subarray(0, to)
          await turn()
          inode.stable = inode.stable.subarray(0, to)
          inode.dirty = inode.dirty.filter(({ from }) => from < to)
          sync(inode, 0, to, `cutting ${path}`)
          size = to
          await turn()
        },
        close: turn,
      }
    }

    function derivedFile(inode: Inode): DerivedFile {
      return {
        get size() {
          return inode.cached.length
        },
        read(into, offset) {
          now()
          return inode.cached.copy(into, 0, offset)
        },
        append(bytes) {
          now()
          if (bytes.length > world.room)
            throw diskError('DISK_FAILED', { attempted: 'appending to a derived file', received: 'ENOSPC' })
          world.room -= bytes.length
          write(inode, inode.cached.length, Buffer.from(bytes))
        },
        truncate(size) {
          now()
          // Not synced: a power cut may bring the old length back, with the old bytes.
          inode.cached = inode.cached.subarray(0, size)
        },
        async sync() {
          now()
          inode.stable = inode.stable.subarray(0, inode.cached.length)
          sync(inode, 0, inode.cached.length, 'syncing a derived file')
        },
        close: () => undefined,
      }
    }

    return {
      openAppend: async (path, durable = 0) => {
        await turn()
        const inode = names.get(path) ?? create(path)
        await turn()
        syncFolder(dirname(path))
        if (inode.cached.length > durable) {
          inode.dirty.push({ from: durable, to: inode.cached.length })
          await turn()
          sync(inode, durable, inode.cached.length, `opening ${path}`)
        }
        await turn()
        return appendFile(path, inode)
      },
      replace: async (path, data) => {
        const bytes = Buffer.from(data as string)
        await turn()
        take(bytes.length, `writing ${path}`)
        const temporary = create(`${path}.new`)
        write(temporary, 0, bytes)
        await turn()
        sync(temporary, 0, bytes.length, `writing ${path}`)
        await turn()
        names.set(path, temporary)
        names.delete(`${path}.new`)
        world.onReplaced(path, bytes)
        await turn()
        syncFolder(dirname(path))
        await turn()
      },
      overwrite: async (path, data) => {
        await turn()
        const inode = names.get(path) ?? create(path)
        write(inode, 0, Buffer.from(data))
        await turn()
        sync(inode, 0, data.length, `writing over ${path}`)
        syncFolder(dirname(path))
      },
      makeDirectory: async (path) => {
        await turn()
        for (let folder = path; !folders.has(folder); folder = dirname(folder)) folders.add(folder)
        syncFolder(path)
      },
      rename: async (from, to) => {
        await turn()
        for (const map of [names, stableNames]) {
          for (const [path, inode] of [...map]) {
            if (path !== from && !path.startsWith(`${from}/`)) continue
            map.delete(path)
            map.set(to + path.slice(from.length), inode)
          }
        }
        if (folders.delete(from)) folders.add(to)
        await turn()
      },
      remove: async (path) => {
        await turn()
        names.delete(path)
      },
      removeDirectory: async (path) => {
        await turn()
        for (const map of [names, stableNames])
          for (const name of [...map.keys()]) if (name.startsWith(`${path}/`)) map.delete(name)
        for (const folder of [...folders]) if (folder === path || folder.startsWith(`${path}/`)) folders.delete(folder)
        await turn()
      },
      list: async (path) => {
        await turn()
        return [...names.keys()]
          .filter((name) => dirname(name) === path)
          .map((name) => name.slice(path.length + 1))
          .sort()
      },
      sizeOf: async (path) => {
        await turn()
        return names.get(path)?.cached.length
      },
      read: async (path) => {
        await turn()
        const inode = names.get(path)
        return inode && new Uint8Array(inode.cached)
      },
      readAt: async (path, offset, length) => {
        await turn()
        const inode = names.get(path)
        return inode && new Uint8Array(inode.cached.subarray(offset, offset + length))
      },
      openDerived: (path) => {
        now()
        return derivedFile(names.get(path) ?? create(path))
      },
      removeDerived: (path) => {
        now()
        names.delete(path)
      },
    }
  }

  return world
}

export const pathIn = (...parts: string[]): string => join('/', ...parts)
