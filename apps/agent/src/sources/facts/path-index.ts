// SPDX-License-Identifier: Apache-2.0

/** Which lists may hold a path: eight bytes a path, so that to be sure the list itself is to be read. */
export type PathIndex = {
  candidates(path: string): readonly string[]
  readonly size: number
}

/** 1.5 MiB. With more paths there is no index. */
export const indexedPathsMax = 196_608
/** The number of a list is a part of an entry. */
const listsMax = 65_536

/** `read` gives the hash of every path of a list. Rejects with more than `pathsMax` paths. */
export async function buildPathIndex(
  lists: readonly string[],
  read: (list: string, take: (hash: number) => void) => Promise<void>,
  pathsMax = indexedPathsMax,
): Promise<PathIndex> {
  const entries = new Float64Array(pathsMax)
  let size = 0
  for (const [number, list] of lists.slice(0, listsMax).entries())
    await read(list, (hash) => {
      if (size === pathsMax) throw new RangeError(`more than ${pathsMax} paths`)
      entries[size] = hash * listsMax + number
      size += 1
    })
  return indexOf(entries.slice(0, size).sort(), lists)
}

/** Holds on to nothing but these. */
function indexOf(entries: Float64Array, lists: readonly string[]): PathIndex {
  return {
    size: entries.length,
    candidates(path) {
      const bytes = Buffer.from(path)
      const from = hashOfBytes(bytes, 0, bytes.length) * listsMax
      const found: string[] = []
      for (let at = firstFrom(entries, from); at < entries.length; at += 1) {
        const entry = entries[at] as number
        if (entry >= from + listsMax) break
        found.push(lists[entry - from] as string)
      }
      return found
    },
  }
}

/** FNV-1a, 32 bits. */
export function hashOfBytes(bytes: Buffer, from: number, to: number): number {
  let hash = 0x811c9dc5
  for (let i = from; i < to; i += 1) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return hash >>> 0
}

/** The first place whose entry is not below `least`. */
function firstFrom(entries: Float64Array, least: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((entries[middle] as number) < least) low = middle + 1
    else high = middle
  }
  return low
}
