// SPDX-License-Identifier: Apache-2.0

import { createHash } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir, readlink, statfs } from 'node:fs/promises'
import type { ReadCapabilities } from './file-capabilities.ts'
import { comparePaths, type Facts, type Kind, type Row, targetOf } from './row.ts'

export type Walk = {
  /** Absolute, none below another, in the order of `comparePaths`. */
  readonly roots: readonly Buffer[]
  /** Left out, with all below. */
  readonly excluded: readonly Buffer[]
  readonly capabilities: ReadCapabilities | undefined
  readonly signal: AbortSignal
  /** A directory that is listed, and not entered, for its file system is no part of the machine's disk. */
  readonly onForeign?: (path: Buffer) => void
}

type Found = { readonly path: Buffer; readonly stats: BigIntStats; readonly unread?: string }

/** Files that are read at once. */
const readsAtOnce = 8
const chunkBytesMax = 256 * 1024
/** A file that changes under every one of so many readings has no digest. */
const readingsMax = 3

/**
 * Of <linux/magic.h>: views of the kernel, and what others serve over a network. proc, sysfs, cgroup, cgroup2, securityfs,
 * debugfs, tracefs, bpf, pstore, configfs, efivarfs, devpts, mqueue, hugetlbfs, binfmt_misc, autofs, fusectl, nsfs; nfs, cifs,
 * smb2, fuse, 9p, ceph, afs.
 */
const foreign = new Set([
  ...[0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x73636673, 0x64626720, 0x74726163, 0xcafe4a11, 0x6165676c],
  ...[0x62656570, 0xde5e81e4, 0x1cd1, 0x19800202, 0x958458f6, 0x42494e4d, 0x187, 0x65735543, 0x6e736673],
  ...[0x6969, 0xff534d42, 0xfe534d42, 0x65735546, 0x01021997, 0x00c36400, 0x5346414f],
])

/** By the first digits of the octal mode, of <sys/stat.h>. */
const kindOf = new Map<number, Kind>([
  [0o14, 'socket'],
  [0o12, 'symlink'],
  [0o10, 'file'],
  [0o06, 'block'],
  [0o04, 'directory'],
  [0o02, 'character'],
  [0o01, 'fifo'],
])

/** Everything below the roots, in order, with what is in it. Throws what the signal throws; nothing else stops it. */
export async function* walk(options: Walk): AsyncGenerator<Row> {
  const ahead: Promise<Row>[] = []
  for await (const found of findAll(options)) {
    options.signal.throwIfAborted()
    const row = describe(found, options)
    // Whoever waits for an earlier one hears of it then.
    row.catch(() => undefined)
    ahead.push(row)
    if (ahead.length >= readsAtOnce) yield (await ahead.shift()) as Row
  }
  for (const row of ahead) yield await row
}

async function* findAll({ roots, excluded, onForeign }: Walk): AsyncGenerator<Found> {
  const leftOut = new Set(excluded.map((path) => path.toString('latin1')))

  async function* find(path: Buffer, device: bigint | undefined): AsyncGenerator<Found> {
    if (leftOut.has(path.toString('latin1'))) return
    const stats = await lstat(path, { bigint: true }).catch(() => undefined)
    // It went since its directory was read.
    if (stats === undefined) return
    if (!stats.isDirectory()) return void (yield { path, stats })
    if (device !== undefined && stats.dev !== device && (await isForeign(path))) {
      onForeign?.(path)
      return void (yield { path, stats })
    }
    const names = await readdir(path, { encoding: 'buffer' }).catch((error: NodeJS.ErrnoException) => error)
    if (names instanceof Error) return void (yield { path, stats, unread: names.code ?? 'unknown' })
    yield { path, stats }
    for (const name of names.sort(Buffer.compare)) yield* find(join(path, name), stats.dev)
  }

  for (const root of roots) yield* find(root, undefined)
}

const isForeign = async (path: Buffer) => {
  const type = await statfs(path).then(
    (fs) => fs.type,
    () => undefined,
  )
  return type === undefined || foreign.has(type >>> 0)
}

const slash = Buffer.from('/')
const join = (directory: Buffer, name: Buffer) =>
  directory.equals(slash) ? Buffer.concat([slash, name]) : Buffer.concat([directory, slash, name])

async function describe({ path, stats, unread }: Found, options: Walk): Promise<Row> {
  const kind = kindOf.get(Number(stats.mode) >> 12) ?? 'file'
  const common = { kind, ...ownership(stats), ...(unread !== undefined && { unread }) }
  if (kind === 'file') return { path, facts: await describeFile(path, stats, options) }
  if (kind === 'symlink') return { path, facts: { ...common, ...(await readTarget(path)) } }
  if (kind === 'block' || kind === 'character') return { path, facts: { ...common, device: deviceOf(stats.rdev) } }
  return { path, facts: common }
}

const ownership = ({ mode, uid, gid }: BigIntStats) => ({
  mode: (Number(mode) & 0o7777).toString(8).padStart(4, '0'),
  uid: Number(uid),
  gid: Number(gid),
})

/** As the C library splits it (gnu_dev_major(3)). */
function deviceOf(device: bigint): string {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn)
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn)
  return `${major}:${BigInt.asUintN(32, minor)}`
}

const readTarget = (path: Buffer): Promise<Pick<Facts, 'target' | 'target_hex' | 'unread'>> =>
  readlink(path, { encoding: 'buffer' }).then(targetOf, (error: NodeJS.ErrnoException) => ({
    unread: error.code ?? 'unknown',
  }))

async function describeFile(path: Buffer, found: BigIntStats, { capabilities, signal }: Walk): Promise<Facts> {
  const factsOf = (stats: BigIntStats): Facts => {
    const held = capabilities?.(path)
    return {
      kind: 'file',
      ...ownership(stats),
      size: Number(stats.size),
      mtime_ns: String(stats.mtimeNs),
      ...(held !== undefined && { capabilities: held }),
    }
  }
  try {
    // No pipe and no lease that took its place keeps us waiting, and no link leads elsewhere.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
    try {
      for (let reading = 0; reading < readingsMax; reading += 1) {
        const before = await file.stat({ bigint: true })
        if (!before.isFile()) return { ...factsOf(found), unread: 'replaced while it was read' }
        const sha256 = await digestOf(file, Number(before.size), signal)
        const after = await file.stat({ bigint: true })
        if (before.ctimeNs === after.ctimeNs && before.size === after.size) return { ...factsOf(after), sha256 }
      }
      return { ...factsOf(found), unread: 'changed while it was read' }
    } finally {
      await file.close()
    }
  } catch (error) {
    if (signal.aborted) throw error
    return { ...factsOf(found), unread: (error as NodeJS.ErrnoException).code ?? 'unknown' }
  }
}

async function digestOf(file: FileHandle, size: number, signal: AbortSignal): Promise<string> {
  const digest = createHash('sha256')
  // Most files are small: one read finds all of it, and the next its end.
  const chunk = Buffer.allocUnsafe(Math.min(size + 1, chunkBytesMax))
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at)
    if (bytesRead === 0) return digest.digest('hex')
    signal.throwIfAborted()
    digest.update(chunk.subarray(0, bytesRead))
    at += bytesRead
  }
}

/** What a person names, made absolute; what lies below another root is a part of that. */
export function rootsOf(paths: readonly string[], absolute: (path: string) => string): Buffer[] {
  const sorted = paths.map((path) => Buffer.from(absolute(path))).sort(comparePaths)
  const roots: Buffer[] = []
  for (const path of sorted) {
    const last = roots.at(-1)
    if (last === undefined || !isWithin(path, last)) roots.push(path)
  }
  return roots
}

const isWithin = (path: Buffer, directory: Buffer) =>
  path.equals(directory) || path.subarray(0, directory.length + 1).equals(join(directory, Buffer.of()))
