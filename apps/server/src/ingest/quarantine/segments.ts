// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import type { AppendFile, Disk } from '@sealwatch/base'
import { sha256 } from '@sealwatch/ledger'

/** Where a sealed item lies: its tenant's segment, the first byte of its frame there, and the bytes of the frame. */
export type Kept = { readonly segment: number; readonly at: number; readonly bytes: number }
export type SealedItem = { readonly item: string; readonly sealed: Uint8Array }

/** Sealed items, one behind the other in files of their tenant (quarantine.md, 6). */
export type Segments = {
  /** Durable when it resolves. One call of a tenant at a time. On DISK_FULL nothing of it is there. */
  append(tenant: string, items: readonly SealedItem[]): Promise<Kept[]>
  /** `gone`: there is no such frame; `altered`: it is another item's, or not as it was written. */
  read(tenant: string, item: string, kept: Kept): Promise<Uint8Array | 'gone' | 'altered'>
  /** Closes what grows. What is kept from then on begins a new segment. */
  close(tenant?: string): Promise<void>
}

const MiB = 1024 * 1024
const segmentBytesMax = 64 * MiB
/** Segments that are open, of tenants that quarantine at the same time. */
const openMax = 64

const nameForm = /^\d{12}\.items$/
export const segmentName = (segment: number): string => `${String(segment).padStart(12, '0')}.items`

const lengthBytes = 4
const hashBytes = 32
const headBytes = lengthBytes + 2 * hashBytes

type Growing = { readonly segment: number; readonly file: AppendFile; isBusy: boolean }

/** Nobody goes on in a file of an earlier process: what a crash left at its end, no row knows. */
export function createSegments(dir: string, disk: Disk): Segments {
  const growing = new Map<string, Growing>()

  async function growingOf(tenant: string): Promise<Growing> {
    const known = growing.get(tenant)
    if (known !== undefined && known.file.size < segmentBytesMax) return known
    await close(tenant)
    const folder = join(dir, tenant)
    await disk.makeDirectory(folder)
    const last = (await disk.list(folder)).filter((name) => nameForm.test(name)).at(-1)
    const segment = last === undefined ? 0 : Number(last.slice(0, 12)) + 1
    const file = await disk.openAppend(join(folder, segmentName(segment)))
    const idle = growing.size < openMax ? undefined : growing.entries().find(([, { isBusy }]) => !isBusy)
    if (idle !== undefined) await close(idle[0])
    const opened = { segment, file, isBusy: false }
    growing.set(tenant, opened)
    return opened
  }

  async function close(tenant: string): Promise<void> {
    const known = growing.get(tenant)
    growing.delete(tenant)
    await known?.file.close()
  }

  return {
    append: async (tenant, items) => {
      const into = await growingOf(tenant)
      into.isBusy = true
      try {
        let at = into.file.size
        const kept = items.map(({ sealed }) => {
          const place = { segment: into.segment, at, bytes: headBytes + sealed.length }
          at += place.bytes
          return place
        })
        await into.file.append(items.flatMap(({ item, sealed }) => [headOf(item, sealed), sealed]))
        return kept
      } finally {
        into.isBusy = false
      }
    },
    read: async (tenant, item, kept) => {
      const frame = await disk.readAt(join(dir, tenant, segmentName(kept.segment)), kept.at, kept.bytes)
      return frame === undefined ? 'gone' : sealedIn(frame, item, kept)
    },
    close: async (tenant) => {
      for (const name of tenant === undefined ? [...growing.keys()] : [tenant]) await close(name)
    },
  }
}

function headOf(item: string, sealed: Uint8Array): Uint8Array {
  const head = Buffer.alloc(headBytes)
  head.writeUInt32BE(sealed.length)
  head.set(Uint8Array.fromHex(item), lengthBytes)
  head.set(sha256(sealed), lengthBytes + hashBytes)
  return head
}

/** What `frame` holds, if it is the whole frame of the item. */
export function sealedIn(frame: Uint8Array, item: string, { bytes }: Kept): Uint8Array | 'gone' | 'altered' {
  if (frame.length < bytes) return 'gone'
  const { byteOffset, buffer } = frame
  const head = Buffer.from(buffer, byteOffset, headBytes)
  const sealed = frame.subarray(headBytes)
  const isWhole =
    head.readUInt32BE() === sealed.length &&
    head.toString('hex', lengthBytes, lengthBytes + hashBytes) === item &&
    head.subarray(lengthBytes + hashBytes).equals(sha256(sealed))
  return isWhole ? sealed : 'altered'
}
