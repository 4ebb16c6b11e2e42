// SPDX-License-Identifier: Apache-2.0

import type { Step } from '@sealwatch/ledger/verify'
import { copy, numberWords, s, shortHash, spanWords } from './dom.ts'

/** A hash in the picture: what the inspector below it says while the pointer or the focus is there. */
export type Named = { readonly hash: string; readonly what: string; readonly how: string }
export type OnNamed = (named: Named | undefined) => void

export type DrawnTree = {
  readonly name: string
  readonly index: number
  readonly size: number
  readonly leafHash: string
  readonly steps: readonly Step[]
}
const rowHeight = 43
const pad = 24
const nodeRadius = 6

/**
 * The path of one leaf through one tree, drawn as trees are: the leaf below, the root above. The path runs up the middle;
 * each sibling stands on the side where it stands in the tree. Only the path is drawn, so a tree of a million lines has
 * twenty rows.
 */
export function drawTree(tree: DrawnTree, width: number, onNamed: OnNamed): SVGSVGElement {
  const { steps, leafHash, index, size, name } = tree
  const height = steps.length * rowHeight + 2 * pad
  const middle = width / 2
  const pillWidth = Math.min(190, middle - 34)
  const yOf = (level: number) => height - pad - level * rowHeight
  const drawing = s('svg', {
    class: 'tree',
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: 'group',
    'aria-label': `Path of leaf ${index} through ${steps.length} levels to the root of ${name}, a tree of ${size} leaves`,
  })
  const edges = s('g', { class: 'edges' })
  const nodes = s('g', { class: 'nodes' })
  for (const [i, step] of steps.entries()) {
    const [below, above] = [yOf(i), yOf(i + 1)]
    const isLeft = step.side === 'left'
    const edge = isLeft ? middle - 22 : middle + 22
    const far = isLeft ? edge - pillWidth : edge
    const from = isLeft ? edge - 14 : edge + 14
    edges.append(
      s('path', {
        class: step.isWithheld ? 'edge withheld' : 'edge',
        d: `M${from} ${below - 15} C${from} ${above + 12} ${(from + middle) / 2} ${above} ${middle} ${above}`,
      }),
    )
    edges.append(s('line', { class: 'spine', x1: middle, y1: below, x2: middle, y2: above, pathLength: 1 }))
    nodes.append(siblingPill(step, far, below, pillWidth, onNamed))
    nodes.append(
      pathNode(
        {
          hash: step.hash,
          what: i === steps.length - 1 ? `The root: all ${numberWords(size)} leaves` : `Leaves ${spanWords(step.span)}`,
          how: 'SHA-256(0x01 ‖ left ‖ right)',
        },
        {
          x: middle,
          y: above,
          isRoot: i === steps.length - 1,
          labelSide: (steps[i + 1]?.side ?? 'left') === 'left' ? 1 : -1,
        },
        onNamed,
      ),
    )
  }
  const first = steps[0]
  nodes.append(
    pathNode(
      { hash: leafHash, what: `Leaf ${numberWords(index)}`, how: 'SHA-256(0x00 ‖ line)' },
      { x: middle, y: yOf(0), isRoot: steps.length === 0, labelSide: first?.side === 'right' ? -1 : 1 },
      onNamed,
    ),
  )
  drawing.append(edges, nodes)
  return drawing
}

function siblingPill(step: Step, x: number, y: number, width: number, onNamed: OnNamed): SVGGElement {
  const isNarrow = width < 150
  const withheld = step.isWithheld ? ', withheld' : ''
  const leaves = step.siblingSpan.to - step.siblingSpan.from === 1 ? 'Leaf' : 'Leaves'
  const named = {
    hash: step.sibling,
    what: `${leaves} ${spanWords(step.siblingSpan)}${withheld}`,
    how: step.isWithheld
      ? 'given as a hash by the bundle'
      : step.siblingSpan.to - step.siblingSpan.from === 1
        ? 'SHA-256(0x00 ‖ line)'
        : 'hashed from the lines in this file',
  }
  const group = nodeGroup(named, step.isWithheld ? 'sibling withheld' : 'sibling', onNamed)
  group.append(
    s('rect', { x, y: y - 15, width, height: 30, rx: 8 }),
    ...(isNarrow
      ? [s('text', { class: 'hash', x: x + width / 2, y: y + 4, 'text-anchor': 'middle' }, step.sibling.slice(0, 8))]
      : [
          s('text', { class: 'span', x: x + 10, y: y + 4 }, spanWords(step.siblingSpan)),
          s('text', { class: 'hash', x: x + width - 10, y: y + 4, 'text-anchor': 'end' }, shortHash(step.sibling)),
        ]),
  )
  return group
}

function pathNode(
  named: Named,
  at: { x: number; y: number; isRoot: boolean; labelSide: number },
  onNamed: OnNamed,
): SVGGElement {
  const group = nodeGroup(named, at.isRoot ? 'path root' : 'path', onNamed)
  if (at.isRoot) group.append(s('circle', { class: 'ring', cx: at.x, cy: at.y, r: nodeRadius + 5 }))
  group.append(
    s('circle', { class: 'hit', cx: at.x, cy: at.y, r: 14 }),
    s('circle', { class: 'dot', cx: at.x, cy: at.y, r: nodeRadius }),
    s(
      'text',
      { class: 'hash', x: at.x + at.labelSide * 20, y: at.y + 4, 'text-anchor': at.labelSide > 0 ? 'start' : 'end' },
      shortHash(named.hash),
    ),
  )
  return group
}

/** One hash of the picture: hover or focus names it, click or Enter copies it. */
function nodeGroup(named: Named, kind: string, onNamed: OnNamed): SVGGElement {
  const group = s(
    'g',
    {
      class: `node ${kind}`,
      tabindex: 0,
      role: 'button',
      'aria-label': `${named.what}: ${named.hash}. Copy`,
      'data-hash': named.hash,
    },
    s('title', {}, `${named.what}\n${named.hash}`),
  )
  const act = () => void copy(named.hash, 'the hash')
  group.addEventListener('click', act)
  group.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return
    event.preventDefault()
    act()
  })
  for (const enter of ['pointerenter', 'focus']) group.addEventListener(enter, () => onNamed(named))
  return group
}
