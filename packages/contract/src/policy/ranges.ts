// SPDX-License-Identifier: Apache-2.0
// Addresses and ports alike are keys: texts whose order is that of what they stand for.

/** From the first to the last key, both included. */
export type KeyRange = readonly [string, string]

/** "443" or "8000-8100"; undefined where it is neither, or runs backwards. */
export function portRange(port: number | string): KeyRange | undefined {
  const keys = String(port).split('-').map(portKey)
  const [from, to = from] = keys
  if (keys.length > 2 || keys.includes(undefined) || from === undefined || to === undefined) return undefined
  return from <= to ? [from, to] : undefined
}

export const portKey = (port: number | string): string | undefined =>
  /^[1-9]\d{0,4}$/.test(String(port)) && Number(port) <= 65_535 ? String(port).padStart(5, '0') : undefined

/** The same keys as ranges in order, none of which overlap. */
export function mergeRanges(ranges: readonly KeyRange[]): readonly KeyRange[] {
  const merged: [string, string][] = []
  for (const [from, to] of ranges.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    const last = merged.at(-1)
    if (last === undefined || from > last[1]) merged.push([from, to])
    else if (to > last[1]) last[1] = to
  }
  return merged
}

/** The range that holds a key, of merged ones. */
export function rangeWith(ranges: readonly KeyRange[], key: string): KeyRange | undefined {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ranges[middle] as KeyRange)[1] < key) low = middle + 1
    else high = middle
  }
  const found = ranges[low]
  return found !== undefined && found[0] <= key ? found : undefined
}

/** Does every range lie within one of `outer`? Both merged. */
export function rangesCover(outer: readonly KeyRange[], inner: readonly KeyRange[]): boolean {
  const [first] = inner
  // Most do not begin where the others do.
  if (first !== undefined && (outer[0] === undefined || first[0] < outer[0][0])) return false
  return inner.every(([from, to]) => {
    const found = rangeWith(outer, from)
    return found !== undefined && to <= found[1]
  })
}
