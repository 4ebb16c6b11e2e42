// SPDX-License-Identifier: Apache-2.0

import { type Captures, holdsAt } from './captures.ts'
import { instructionSteps, type Meter } from './dfa.ts'
import type { Node } from './syntax.ts'

/** For one text; a look behind goes no farther back than `behindMax`. */
const [stepsMax, depthMax, behindMax] = [50_000, 1_000, 64]

/** What is left to be matched from a place on; tells where it ends, -1 when it does not match. */
type Rest = (at: number) => number
type Step = (at: number, rest: Rest) => number

class GivenUp extends Error {}

/**
 * For the few expressions that no automaton decides: way after way is tried, as Perl does it, with a budget for each text.
 * One for which that is not enough is counted as missed in the meter. Neither time nor stack depend on who wrote the text.
 */
export function createBacktracker(node: Node, groups: number) {
  let text = ''
  let steps = 0
  let depth = 0
  let kept: Captures = []

  const spend = () => {
    steps += 1
    if (steps > stepsMax || depth > depthMax) throw new GivenUp()
  }

  const stepOf = (node: Node): Step => {
    switch (node.kind) {
      case 'set':
        return (at, rest) => (at < text.length && node.set[text.charCodeAt(at)] === 1 ? rest(at + 1) : -1)
      case 'assert':
        return (at, rest) => (holdsAt(node.what, text, at) ? rest(at) : -1)
      case 'sequence':
        return node.nodes.map(stepOf).reduceRight<Step>(
          (after, first) => (at, rest) => first(at, (next) => after(next, rest)),
          (at, rest) => rest(at),
        )
      case 'choice':
        return choiceOf(node.nodes.map(stepOf))
      case 'group':
        return groupOf(stepOf(node.node), node.index)
      case 'look':
        return lookOf(stepOf(node.node), node.ahead, node.negated)
      case 'again':
        return (at, rest) => again(at, node.index, node.ignoreCase, rest)
      case 'repeat':
        return repeatOf(stepOf(node.node), node.min, node.max, node.lazy)
    }
  }

  const choiceOf =
    (ways: readonly Step[]): Step =>
    (at, rest) => {
      for (const way of ways) {
        spend()
        const end = way(at, rest)
        if (end >= 0) return end
      }
      return -1
    }

  /** What a way that fails wrote down is taken back. */
  const groupOf =
    (step: Step, index: number): Step =>
    (at, rest) => {
      const [from, to] = [kept[2 * index] as number, kept[2 * index + 1] as number]
      const end = step(at, (next) => {
        const [innerFrom, innerTo] = [kept[2 * index] as number, kept[2 * index + 1] as number]
        kept[2 * index] = at
        kept[2 * index + 1] = next
        const found = rest(next)
        if (found < 0) {
          kept[2 * index] = innerFrom
          kept[2 * index + 1] = innerTo
        }
        return found
      })
      if (end < 0) {
        kept[2 * index] = from
        kept[2 * index + 1] = to
      }
      return end
    }

  const lookOf =
    (step: Step, ahead: boolean, negated: boolean): Step =>
    (at, rest) => {
      const isThere = ahead ? step(at, (end) => end) >= 0 : endsAt(step, at)
      return isThere === negated ? -1 : rest(at)
    }

  const endsAt = (step: Step, at: number): boolean => {
    for (let from = at; from >= Math.max(0, at - behindMax); from -= 1) {
      spend()
      if (step(from, (end) => (end === at ? end : -1)) >= 0) return true
    }
    return false
  }

  /** A group that took no part matches nothing. */
  const again = (at: number, index: number, ignoreCase: boolean, rest: Rest): number => {
    const from = kept[2 * index] ?? -1
    if (from < 0) return -1
    const wanted = text.slice(from, kept[2 * index + 1])
    const found = text.slice(at, at + wanted.length)
    const isSame = ignoreCase ? found.toLowerCase() === wanted.toLowerCase() : found === wanted
    return isSame ? rest(at + wanted.length) : -1
  }

  const repeatOf = (step: Step, min: number, max: number, lazy: boolean): Step => {
    const from = (at: number, count: number, rest: Rest): number => {
      spend()
      const more = () =>
        count < max ? step(at, (next) => (next === at && count >= min ? -1 : deeper(next, count + 1, rest))) : -1
      if (count < min) return more()
      if (lazy) {
        const end = rest(at)
        return end >= 0 ? end : more()
      }
      const end = more()
      return end >= 0 ? end : rest(at)
    }
    const deeper = (at: number, count: number, rest: Rest): number => {
      depth += 1
      const end = from(at, count, rest)
      depth -= 1
      return end
    }
    return (at, rest) => from(at, 0, rest)
  }

  const whole = stepOf(node)
  return (input: string, meter: Meter): Captures | undefined => {
    text = input
    steps = 0
    try {
      for (let from = 0; from <= input.length; from += 1) {
        spend()
        depth = 0
        kept = new Array<number>(2 * (groups + 1)).fill(-1)
        const end = whole(from, (at) => at)
        if (end >= 0) {
          kept[0] = from
          kept[1] = end
          return kept
        }
      }
    } catch (error) {
      if (!(error instanceof GivenUp)) throw error
      meter.missed = (meter.missed ?? 0) + 1
    } finally {
      meter.steps -= steps * instructionSteps
    }
    return undefined
  }
}
