// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import process from 'node:process'
import type { Clock } from './clock.ts'
import { messageOf } from './errors.ts'
import { type Libc, openLibc } from './hardening/libc.ts'
import type { Log } from './log.ts'

const lookEveryMs = 30_000
/** It takes some tens of milliseconds, in which all else waits: not more often, nor while there is much to do. */
const betweenMs = 300_000
const cpuShareMax = 0.25
/** So much must have come since. */
const grownBytesMin = 16 * 1024 * 1024
const DONTNEED = 4 // MADV_DONTNEED, <linux/mman.h>

type GivingBack = {
  readonly clock: Clock
  readonly log: Log
  /** Who must act at once when something happens, after hours in which nothing did, does not compile it then. */
  readonly keepsCode?: boolean
}

/**
 * Gives back what a start, or a busy time, took and nothing needs any more (docs/adr/2026-11-22-idle-memory.md): objects that
 * nobody holds and code that did not run lately, what malloc keeps of what was freed, and the pages of Node's file and of
 * the libraries, which the kernel hands out again at the next touch. Until the signal fires.
 */
export async function giveBackMemory(
  { clock, log, keepsCode = false }: GivingBack,
  signal: AbortSignal,
): Promise<void> {
  let left = { bytes: 0, atMs: Number.NEGATIVE_INFINITY }
  let isSettling = false
  let looked = { cpuMs: cpuMs(), atMs: nowMs(clock) }
  try {
    const libc = openLibc()
    while (!signal.aborted) {
      await clock.sleep(lookEveryMs, signal)
      const now = { cpuMs: cpuMs(), atMs: nowMs(clock) }
      const isBusy = now.cpuMs - looked.cpuMs > cpuShareMax * (now.atMs - looked.atMs)
      looked = now
      const isDue = now.atMs - left.atMs >= betweenMs && process.memoryUsage.rss() >= left.bytes + grownBytesMin
      if (signal.aborted || isBusy || !(isDue || isSettling)) continue
      if (isDue) collect(libc, keepsCode)
      dropFiles(libc)
      isSettling = isDue
      left = { bytes: process.memoryUsage.rss(), atMs: isDue ? now.atMs : left.atMs }
    }
  } catch (error) {
    log.warn('memory is not given back', { reason: messageOf(error) })
  }
}

const nowMs = (clock: Clock) => Number(clock.monotonicNs() / 1_000_000n)

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** Of --expose-gc; without it V8 collects when it thinks best. */
function collect(libc: Libc, keepsCode: boolean): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: keepsCode ? 'regular' : 'last-resort' })
  libc.trimHeap()
}

/** Once more at the look after a collection: code that it let go of was compiled again meanwhile, and the compiler is not needed any more. */
function dropFiles(libc: Libc): void {
  for (const { from, bytes } of untouchedMappings(readFileSync('/proc/self/smaps', 'latin1')))
    libc.madvise('MADV_DONTNEED', from, bytes, DONTNEED)
}

/** Where files lie in memory as they are on the disk and cannot be written: what is dropped there comes back from them. */
export function untouchedMappings(smaps: string): { readonly from: bigint; readonly bytes: number }[] {
  return smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).flatMap((mapping) => {
    const [, from = '', to = '', rights = '', path = ''] = mappingForm.exec(mapping) ?? []
    const isOwn = (of: string) => !new RegExp(`^${of}: +0 kB$`, 'm').test(mapping)
    if (!isOnDisk(path) || rights.includes('w') || isOwn('Anonymous') || isOwn('Private_Dirty')) return []
    const begin = BigInt(`0x${from}`)
    return [{ from: begin, bytes: Number(BigInt(`0x${to}`) - begin) }]
  })
}

const isOnDisk = (path: string) => path.startsWith('/') && !path.endsWith(' (deleted)')

/** proc_pid_smaps(5): range, rights, offset, device, inode, path. */
const mappingForm = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ +\d+ +(.+)$/m
