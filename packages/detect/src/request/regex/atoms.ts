// SPDX-License-Identifier: Apache-2.0

import { type ByteSet, inLowerCase, union } from './bytes.ts'
import type { Node } from './syntax.ts'

/**
 * What every match has in it, whatever else: one of `atoms` (in lower case; compared without regard to case), and one byte
 * of `bytes`. A text that lacks either need not be looked at. Undefined where nothing of the kind is certain.
 */
export type Required = { readonly atoms?: readonly string[] | undefined; readonly bytes?: ByteSet | undefined }

/** `exact`: all that can be matched, where that is little. */
type Known = Required & { readonly exact?: readonly string[] | undefined }

const [exactMax, atomsMax, atomCharsMax, classMax] = [96, 4_096, 10, 10]
const nothing: Known = {}
const emptyText: Known = { exact: [''] }

export function requiredBy(node: Node): Required {
  const known = knownOf(node)
  return { atoms: atomsOf(known), bytes: known.bytes }
}

function knownOf(node: Node): Known {
  switch (node.kind) {
    case 'set':
      return knownOfSet(node.set)
    case 'assert':
    case 'look':
      return emptyText
    case 'again':
      return nothing
    case 'group':
      return knownOf(node.node)
    case 'sequence':
      return inSequence(node.nodes.map(knownOf))
    case 'choice':
      return inChoice(node.nodes.map(knownOf))
    case 'repeat':
      return repeated(knownOf(node.node), node.min, node.max)
  }
}

function knownOfSet(set: ByteSet): Known {
  const chars = new Set<string>()
  for (let byte = 0; byte < 256 && chars.size <= classMax; byte += 1)
    if (set[byte] === 1) chars.add(inLowerCase(String.fromCharCode(byte)))
  return chars.size <= classMax ? { exact: [...chars], bytes: set } : { bytes: set }
}

function repeated(known: Known, min: number, max: number): Known {
  if (min === 0) return max === 1 && known.exact ? { exact: [...new Set([...known.exact, ''])] } : nothing
  const times = Math.min(min, 8)
  return inSequence([...Array<Known>(times).fill(known), ...(max > times ? [nothing] : [])])
}

function inSequence(parts: readonly Known[]): Known {
  const candidates: (readonly string[])[] = []
  let run: readonly string[] = ['']
  let whole = true
  for (const part of parts) {
    const longer = part.exact && product(run, part.exact)
    if (longer) {
      run = longer
      continue
    }
    whole = false
    candidates.push(run)
    if (part.atoms) candidates.push(part.atoms)
    run = part.exact ?? ['']
  }
  const bytes = parts.map((part) => part.bytes).reduce(rarer, undefined)
  if (whole) return { exact: run, bytes }
  return { atoms: [...candidates, run].filter(isTelling).reduce(moreTelling, undefined), bytes }
}

function inChoice(ways: readonly Known[]): Known {
  const bytes = ways.every((way) => way.bytes) ? union(...ways.map((way) => way.bytes as ByteSet)) : undefined
  const exact = ways.every((way) => way.exact) ? [...new Set(ways.flatMap((way) => way.exact as string[]))] : undefined
  if (exact && exact.length <= exactMax) return { exact, bytes }
  const atoms = ways.map(atomsOf)
  if (atoms.some((some) => some === undefined)) return { bytes }
  const all = [...new Set(atoms.flat() as string[])]
  return { atoms: all.length <= atomsMax ? all : undefined, bytes }
}

function product(heads: readonly string[], tails: readonly string[]): readonly string[] | undefined {
  if (heads.length * tails.length > exactMax) return undefined
  if (tails.length === 1 && tails[0] === '') return heads
  return [...new Set(heads.flatMap((head) => tails.map((tail) => head + tail)))]
}

/** Short ones that begin like a longer one are all that is needed of it. */
function atomsOf({ atoms, exact }: Known): readonly string[] | undefined {
  const best = [atoms, exact].filter((some) => some !== undefined && isTelling(some)).reduce(moreTelling, undefined)
  return best && [...new Set(best.map((atom) => atom.slice(0, atomCharsMax)))]
}

const shortest = (atoms: readonly string[]) =>
  atoms.reduce((least, atom) => Math.min(least, atom.length), Number.POSITIVE_INFINITY)
/** A single letter or digit is in almost every text. */
const isTelling = (atoms: readonly string[]) =>
  atoms.length > 0 && atoms.every((atom) => atom.length > 1 || /[^\sa-z0-9]/.test(atom))

function moreTelling(one: readonly string[] | undefined, other: readonly string[] | undefined) {
  if (!one || !other) return one ?? other
  const [a, b] = [Math.min(shortest(one), 4), Math.min(shortest(other), 4)]
  return a > b || (a === b && one.length <= other.length) ? one : other
}

function rarer(one: ByteSet | undefined, other: ByteSet | undefined): ByteSet | undefined {
  if (!one || !other) return one ?? other
  return frequency(one) <= frequency(other) ? one : other
}

/** How often a byte is met in what people write: letters and digits often, other signs seldom. */
const weights = Uint8Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte)
  return /[a-z0-9]/i.test(char) ? 100 : ' ./-_=:,;+&%()'.includes(char) ? 10 : 1
})

function frequency(set: ByteSet): number {
  let sum = 0
  for (let byte = 0; byte < 256; byte += 1) sum += (set[byte] as number) * (weights[byte] as number)
  return sum
}
