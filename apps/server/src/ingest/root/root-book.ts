// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import type { Disk, Json } from '@sealwatch/base'
import { parseDsse } from '@sealwatch/keys'
import { extendTenantHead, type Leaf, type Ledger, parseLine, sha256, type TenantHead } from '@sealwatch/ledger'

export type PlacedHead = TenantHead & { readonly index: number }

/** What the root ledger says by now: the last head of each tenant, and where each delegation stands. */
export type RootBook = {
  head(label: string): PlacedHead | undefined
  /** All of them, as they are now. */
  heads(): ReadonlyMap<string, PlacedHead>
  /** The leaf that holds a delegation; by its payload, which names key and time. */
  delegationAt(payload: string): number | undefined
  /** Reads what was appended since; every head is held against the one before it. Throws TENANT_FORKED. */
  catchUp(): Promise<void>
  save(): Promise<void>
}

/** `tip` is the leaf hash (hex) of leaf `position` - 1. */
type Saved = {
  readonly position: number
  readonly tip: string
  readonly heads: readonly PlacedHead[]
  readonly delegations: readonly (readonly [payload: string, index: number])[]
}

const readMax = 1024
/** One a day: that of a bundle of today is among the last. */
const delegationsKeptMax = 64
/** The file spares a walk over the whole root ledger at the start, and no more: it need not be the newest. */
const saveEvery = 4096

export async function openRootBook(root: Ledger, dir: string, disk: Disk): Promise<RootBook> {
  const path = join(dir, 'book.json')
  const saved = await readSaved(root, path, disk)
  const heads = new Map(saved?.heads.map((head) => [head.label, head]))
  const delegations = new Map(saved?.delegations)
  let position = saved?.position ?? 0
  let savedAt = position

  function take({ index, line: bytes }: Leaf): void {
    const { line } = parseLine(sha256, bytes, `reading leaf ${index} of the root ledger`)
    if ('tenant_head' in line) {
      const { label } = line.tenant_head
      heads.set(label, { ...extendTenantHead(sha256, heads.get(label), line.tenant_head), index })
    }
    if ('delegation' in line) {
      delegations.set(parseDsse(line.delegation as unknown as Json, `reading leaf ${index}`).payload, index)
      const [oldest] = delegations.keys()
      if (delegations.size > delegationsKeptMax) delegations.delete(oldest as string)
    }
  }

  async function save(): Promise<void> {
    if (position === savedAt) return
    const [tip] = root.leafHashes(position - 1, position)
    const now: Saved = {
      position,
      tip: (tip as Uint8Array).toHex(),
      heads: [...heads.values()],
      delegations: [...delegations],
    }
    await disk.replace(path, JSON.stringify(now))
    savedAt = position
  }

  async function catchUp(): Promise<void> {
    while (position < root.size) {
      const leaves = await root.read(position, readMax)
      for (const leaf of leaves) take(leaf)
      position += leaves.length
    }
    if (position - savedAt >= saveEvery) await save()
  }

  await catchUp()
  return {
    head: (label) => heads.get(label),
    heads: () => new Map(heads),
    delegationAt: (payload) => delegations.get(payload),
    catchUp,
    save,
  }
}

/** Undefined where it is missing, or not of this ledger: everything is read again. */
async function readSaved(root: Ledger, path: string, disk: Disk): Promise<Saved | undefined> {
  const bytes = await disk.read(path)
  if (bytes === undefined) return undefined
  try {
    const saved = JSON.parse(Buffer.from(bytes).toString('utf8')) as Saved
    if (saved.position < 1 || saved.position > root.size) return undefined
    const [tip] = root.leafHashes(saved.position - 1, saved.position)
    return tip?.toHex() === saved.tip ? saved : undefined
  } catch {
    return undefined
  }
}
