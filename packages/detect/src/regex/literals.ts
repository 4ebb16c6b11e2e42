// SPDX-License-Identifier: Apache-2.0

import type { CharSet, Node } from './parse.ts'

/**
 * Texts of which every match has one, in lower case; of several ways to tell, that whose shortest text is longest. The empty
 * text among them: nothing is known. Only plain ASCII, whose lower case is the same wherever it stands.
 */
export function literalsOf(node: Node): readonly string[] {
  const texts = textsOf(node)
  if (texts !== undefined) return texts
  if (node.kind === 'repeat') return node.min > 0 ? literalsOf(node.node) : ['']
  if (node.kind === 'choice') return bounded(node.nodes.flatMap(literalsOf)) ?? ['']
  return node.kind === 'sequence' ? bestIn(node.nodes) : ['']
}

/** Of parts that follow each other: of the rows of those that stand together, and of each other part. */
function bestIn(nodes: readonly Node[]): readonly string[] {
  let best: readonly string[] = ['']
  let row: readonly string[] = ['']
  for (const node of nodes) {
    const texts = textsOf(node)
    row = (texts && bounded(joined(row, texts))) ?? texts ?? ['']
    const offered = texts ? row : literalsOf(node)
    if (shortest(offered) > shortest(best)) best = offered
  }
  return best
}

const [textsMax, unitsOfSetMax] = [64, 4]

/** All texts that a part matches, case aside, if they are few. */
function textsOf(node: Node): readonly string[] | undefined {
  switch (node.kind) {
    case 'chars':
      return unitsOf(node.set)
    case 'assert':
      return ['']
    case 'repeat': {
      const texts = node.min === 0 && node.max === 1 ? textsOf(node.node) : undefined
      return texts && bounded(['', ...texts])
    }
    case 'choice': {
      const ways = node.nodes.map(textsOf)
      return ways.every((texts) => texts !== undefined) ? bounded(ways.flat()) : undefined
    }
    case 'sequence':
      return node.nodes.reduce<readonly string[] | undefined>(
        (heads, part) => {
          const tails = heads && textsOf(part)
          return heads && tails && bounded(joined(heads, tails))
        },
        [''],
      )
  }
}

function unitsOf({ negated, ranges }: CharSet): readonly string[] | undefined {
  const size = ranges.reduce((sum, [low, high]) => sum + high - low + 1, 0)
  if (negated || size > unitsOfSetMax || ranges.some(([, high]) => high >= 0x80)) return undefined
  const units = ranges.flatMap(([low, high]) => Array.from({ length: high - low + 1 }, (_, at) => low + at))
  return [...new Set(units.map((unit) => String.fromCharCode(unit).toLowerCase()))]
}

const joined = (heads: readonly string[], tails: readonly string[]) =>
  heads.flatMap((head) => tails.map((tail) => head + tail))
const bounded = (texts: readonly string[]) => (texts.length > textsMax ? undefined : [...new Set(texts)])
const shortest = (texts: readonly string[]) => Math.min(...texts.map(({ length }) => length))
