// SPDX-License-Identifier: Apache-2.0

import { inLowerCase } from '../regex/bytes.ts'

/** Phrases in one automaton (Aho and Corasick, 1975): a text is read once, however many they are. Case of ASCII is ignored. */
export type Phrases = {
  readonly classOf: Uint8Array
  readonly width: number
  /** By row of a node and class: the row of the next node; its complement where phrases end there. */
  readonly table: Int32Array
  /** By node: which phrases end there, by their place in the list, longest first. */
  readonly ends: readonly (readonly number[] | undefined)[]
  /** The first phrase that ends in the text. */
  find(text: string): number | undefined
}

type Node = { readonly to: Map<number, number>; fail: number; ends: number[] }

export function createPhrases(phrases: readonly string[]): Phrases {
  const folded = phrases.map(inLowerCase)
  const { classOf, width } = classesOf(folded)
  const nodes = trieOf(folded, classOf)
  const table = new Int32Array(nodes.length * width)
  const ends: (readonly number[] | undefined)[] = []
  for (const at of inBreadth(nodes)) {
    const node = nodes[at] as Node
    for (let cls = 0; cls < width; cls += 1) {
      const child = node.to.get(cls)
      const behind = at === 0 ? 0 : (table[node.fail * width + cls] as number)
      if (child !== undefined) (nodes[child] as Node).fail = behind / width
      table[at * width + cls] = child === undefined ? behind : child * width
    }
    const all = at === 0 ? [] : [...node.ends, ...(ends[node.fail] ?? [])]
    ends[at] = all.length === 0 ? undefined : all
  }
  for (const [index, row] of table.entries()) if (ends[row / width] !== undefined) table[index] = ~row
  return {
    classOf,
    width,
    table,
    ends,
    find(text) {
      let at = 0
      for (let index = 0; index < text.length; index += 1) {
        at = table[at + (classOf[text.charCodeAt(index)] as number)] as number
        if (at < 0) return ends[~at / width]?.[0]
      }
      return undefined
    },
  }
}

/** Each character that a phrase has is a class; all others are class 0. */
function classesOf(folded: readonly string[]): { classOf: Uint8Array; width: number } {
  const classOf = new Uint8Array(256)
  let width = 1
  for (const phrase of folded)
    for (let index = 0; index < phrase.length; index += 1) {
      const byte = phrase.charCodeAt(index)
      if (classOf[byte] === 0) classOf[byte] = width++
    }
  for (let byte = 0x41; byte <= 0x5a; byte += 1) classOf[byte] = classOf[byte | 0x20] as number
  return { classOf, width }
}

function trieOf(folded: readonly string[], classOf: Uint8Array): Node[] {
  const nodes: Node[] = [{ to: new Map(), fail: 0, ends: [] }]
  folded.forEach((phrase, index) => {
    let at = 0
    for (let place = 0; place < phrase.length; place += 1) {
      const cls = classOf[phrase.charCodeAt(place)] as number
      const { to } = nodes[at] as Node
      const known = to.get(cls)
      at = known ?? nodes.push({ to: new Map(), fail: 0, ends: [] }) - 1
      if (known === undefined) to.set(cls, at)
    }
    if (phrase !== '') (nodes[at] as Node).ends.push(index)
  })
  return nodes
}

function inBreadth(nodes: readonly Node[]): number[] {
  const order = [0]
  for (let index = 0; index < order.length; index += 1)
    order.push(...(nodes[order[index] as number] as Node).to.values())
  return order
}
