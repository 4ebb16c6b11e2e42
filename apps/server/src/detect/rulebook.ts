// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { type Clock, rfc3339, toSeconds } from '@sealwatch/base'
import {
  type LoadedRules,
  loadingRules,
  type RuleFile,
  type RuleHead,
  type RuleNotice,
  type RuleProblem,
  type Ruleset,
} from '@sealwatch/detect'
import type { ReadFile } from './read-folder.ts'

/** Where a rule stands: with the program, or in a folder of the operator. */
export type RuleSource = 'program' | 'operator'
export type RuleOrigin = { readonly source: RuleSource; readonly text: string; readonly sha256: string }

/** `isEarlierKept`: what the file said before, when it was right, is in force. */
export type LeftOut = RuleProblem & { readonly isEarlierKept: boolean }

export type RulesInForce = {
  readonly ruleset: Ruleset
  /** Hex SHA-256 over a line for each rule, sorted: its id, a space, the hex SHA-256 of its file. Of a file without a rule `-`. */
  readonly digest: string
  /** RFC 3339. */
  readonly since: string
  /** By the path of a rule. */
  readonly origins: ReadonlyMap<string, RuleOrigin>
  readonly leftOut: readonly LeftOut[]
  readonly notices: readonly RuleNotice[]
}

/** Whoever judges asks here for each turn, and keeps nothing beyond it: another ruleset may be in force then. */
export type RulesReader = { readonly ruleset: Ruleset }

export type Rulebook = RulesReader & {
  readonly inForce: RulesInForce
  /**
   * Puts the rules of these files into force, beside those of the program. They are compiled beside what is in force, and
   * take its place at once; a file that is wrong leaves what it said before, when it was right.
   */
  take(files: readonly ReadFile[]): Promise<void>
}

/** So long others wait at most: the same thread acknowledges batches. */
const sliceNs = 2_000_000n

/** `own`: of the program. No file of an operator takes the place of one of them: whoever comes second with an id is left out. */
export async function openRulebook(own: readonly RuleFile[], clock: Clock): Promise<Rulebook> {
  let good: ReadonlyMap<string, string> = new Map()
  let inForce = standing(await loaded(own, clock), own, [], rfc3339(clock.nowNs()))
  return {
    get inForce() {
      return inForce
    },
    get ruleset() {
      return inForce.ruleset
    },
    take: async (files) => {
      const readable = files.filter((file) => 'text' in file)
      const first = await loaded([...own, ...readable], clock)
      const unread = files.flatMap((file) => ('text' in file ? [] : [{ ...file, line: 1 }]))
      const wrong = [...first.problems, ...unread]
      const isWrong = new Set(wrong.map(({ path }) => path))
      const isKept = (path: string) => isWrong.has(path) && good.has(path)
      const usable = files.flatMap((file) => {
        const text = isKept(file.path) ? good.get(file.path) : 'text' in file ? file.text : undefined
        return text === undefined ? [] : [{ path: file.path, text }]
      })
      const hasEarlier = usable.some(({ path }) => isKept(path))
      const second = hasEarlier ? await loaded([...own, ...usable], clock) : first
      const problems = [...wrong, ...second.problems.filter(({ path }) => !isWrong.has(path))]
      const leftOut = problems.map((problem) => ({ ...problem, isEarlierKept: isKept(problem.path) }))
      const next = standing(second, [...own, ...usable], leftOut, rfc3339(clock.nowNs()))
      const isWrongStill = new Set(second.problems.map(({ path }) => path))
      good = new Map(usable.flatMap(({ path, text }) => (isWrongStill.has(path) ? [] : [[path, text]])))
      inForce = next.digest === inForce.digest ? { ...next, since: inForce.since } : next
    },
  }

  function standing(
    { ruleset, notices }: LoadedRules,
    files: readonly RuleFile[],
    leftOut: readonly LeftOut[],
    since: string,
  ): RulesInForce {
    const isOwn = new Set(own.map(({ path }) => path))
    const origins = new Map<string, RuleOrigin>()
    for (const { path, text } of files)
      origins.set(path, { source: isOwn.has(path) ? 'program' : 'operator', text, sha256: hash('sha256', text, 'hex') })
    return {
      ruleset,
      digest: digestOf([...ruleset.rules, ...ruleset.correlations], origins),
      since,
      origins,
      leftOut,
      notices,
    }
  }
}

/** In slices: to compile thousands takes seconds. */
async function loaded(files: readonly RuleFile[], clock: Clock): Promise<LoadedRules> {
  const steps = loadingRules(files)
  let untilNs = clock.monotonicNs() + sliceNs
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    if (clock.monotonicNs() < untilNs) continue
    await clock.sleep(0)
    untilNs = clock.monotonicNs() + sliceNs
  }
}

/** In one line, for people. */
export const leftOutText = ({ path, line, error, isEarlierKept }: LeftOut): string =>
  toSeconds(
    `${path}:${line}: ${error.code}: ${error.received ?? error.rule}${isEarlierKept ? '; what it said before is in force' : ''}`,
  )

function digestOf(rules: readonly RuleHead[], origins: ReadonlyMap<string, RuleOrigin>): string {
  const ruled = new Set(rules.map(({ path }) => path))
  const others = [...origins].flatMap(([path, { sha256 }]) => (ruled.has(path) ? [] : [`- ${sha256}\n`]))
  const lines = [...rules.map(({ id, path }) => `${id} ${origins.get(path)?.sha256}\n`), ...others]
  return hash('sha256', lines.toSorted().join(''), 'hex')
}
