// SPDX-License-Identifier: Apache-2.0

import type { ChangedLines } from '../sources/observation.ts'

/** Lines before and after as one hunk of a unified diff: what is common to both stands between the others. */
export function diffText({ from, removed, added, isCut }: ChangedLines): string {
  const head = `@@ -${from},${removed.length} +${from},${added.length} @@`
  const end = isCut ? ['\\ more changed than is told'] : []
  return [head, ...merged(removed, added), ...end].join('\n')
}

/** By the longest common subsequence, whose table has at most some million cells: 3,000 bytes are all that a frame tells. */
function merged(removed: readonly string[], added: readonly string[]): string[] {
  const width = added.length + 1
  const lengths = new Uint16Array((removed.length + 1) * width)
  const common = (i: number, j: number) => lengths[i * width + j] ?? 0
  for (let i = removed.length - 1; i >= 0; i--)
    for (let j = added.length - 1; j >= 0; j--)
      lengths[i * width + j] =
        removed[i] === added[j] ? common(i + 1, j + 1) + 1 : Math.max(common(i + 1, j), common(i, j + 1))
  const lines: string[] = []
  let [i, j] = [0, 0]
  while (i < removed.length || j < added.length) {
    const [one, other] = [removed[i], added[j]]
    if (one !== undefined && one === other) {
      lines.push(` ${one}`)
      i += 1
      j += 1
    } else if (one !== undefined && common(i + 1, j) >= common(i, j + 1)) {
      lines.push(`-${one}`)
      i += 1
    } else {
      lines.push(`+${other}`)
      j += 1
    }
  }
  return lines
}
