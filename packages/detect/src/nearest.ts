// SPDX-License-Identifier: Apache-2.0

/** What was probably meant: the candidate at most two edits away, or undefined. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates.map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
  return ranked.sort((one, other) => one.distance - other.distance).find(({ distance }) => distance <= 2)?.candidate
}

/** Levenshtein's distance without regard to case. */
function editDistance(one: string, other: string): number {
  const left = one.toLowerCase()
  const right = other.toLowerCase()
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let at = 1; at <= left.length; at += 1) {
    const next = [at]
    for (let to = 1; to <= right.length; to += 1) {
      const replaced = (row[to - 1] as number) + Number(left[at - 1] !== right[to - 1])
      next.push(Math.min(replaced, (row[to] as number) + 1, (next[to - 1] as number) + 1))
    }
    row = next
  }
  return row.at(-1) as number
}
