// SPDX-License-Identifier: Apache-2.0

import { commitmentForm } from '@sealwatch/contract'
import type { PolicyDocument } from '@sealwatch/contract/policy'
import type { Decision, PolicyEffect } from '@sealwatch/detect'

export type Example = {
  readonly leafIndex: number
  /** RFC 3339: when it happened, by its host. */
  readonly time: string
  readonly host: string
  readonly what: string
  readonly why: readonly string[]
}

export type RuleTally = {
  /** Null: no rule matched, and the default decided. */
  readonly rule: string | null
  /** How often it would have done something: denied, excepted, raised an alert, acted, let expire. */
  readonly fired: number
  /** Held back by its cool-down. */
  readonly held: number
  /** How often the event did not say what it turns on. */
  readonly undecided: number
  readonly effects: Readonly<Partial<Record<PolicyEffect, number>>>
  /** The first few times that it fired. */
  readonly examples: readonly Example[]
  /** The first few that did not say enough, with what was missing. */
  readonly unclear: readonly Example[]
}

export type Seen = {
  readonly leafIndex: number
  readonly timeMs: number
  readonly host: string
  readonly what: string
  /** Of equal acts that are one event, how many; else 1. */
  readonly times: number
}

export type Tally = {
  add(decision: Decision, seen: Seen): void
  /** In the order of the rules, the default last where it decided. */
  rules(): readonly RuleTally[]
}

const firing: ReadonlySet<PolicyEffect> = new Set([
  'deny',
  'except',
  'quiet',
  'alert',
  'record',
  'block',
  'act',
  'dry_run',
  'expire',
])
const examplesMax = 5
/** Hosts, users and targets that are counted apart, and times that are remembered of all of them. */
const keysMax = 10_000
const timesMax = 200_000

type Row = {
  fired: number
  held: number
  undecided: number
  readonly effects: Partial<Record<PolicyEffect, number>>
  readonly examples: Example[]
  readonly unclear: Example[]
}

/** Adds up what a policy would have done, with the counts and cool-downs that need more than one event. */
export function createTally(policy: PolicyDocument): Tally {
  const rows = new Map<string | null, Row>(policy.rules.map(({ id }) => [id, emptyRow()]))
  const counts = createCounts(policy)
  const cooldowns = createCooldowns(policy)
  const listed = membersOfMay(policy)

  return {
    add(decision, seen) {
      const { rule, effect } = decision
      const row = rows.get(rule) ?? emptyRow()
      rows.set(rule, row)
      if (effect === 'undecided') {
        row.undecided += 1
        if (row.unclear.length < examplesMax) row.unclear.push(exampleOf(seen, (decision.lacks ?? []).map(lackOf)))
        return
      }
      const final = effect === 'count' ? counts(decision, seen) : effect
      row.effects[final] = (row.effects[final] ?? 0) + 1
      if (!firing.has(final)) return
      if (!cooldowns(decision, seen.timeMs)) {
        row.held += 1
        return
      }
      row.fired += 1
      if (row.examples.length < examplesMax) row.examples.push(exampleOf(seen, whyOf(decision, listed(rule))))
    },
    rules: () => [...rows].map(([rule, row]) => ({ rule, ...row })),
  }
}

const emptyRow = (): Row => ({ fired: 0, held: 0, undecided: 0, effects: {}, examples: [], unclear: [] })

const exampleOf = ({ leafIndex, timeMs, host, what }: Seen, why: readonly string[]): Example => ({
  leafIndex,
  time: new Date(timeMs).toISOString(),
  host,
  what,
  why,
})

/** What a rule lists of those who may, by the attribute that it is asked of: what it does not ask for explains nothing. */
const asked: Readonly<Record<string, string>> = {
  '/event/actor/process/file/path': 'executables',
  '/event/actor/user/uid': 'users',
}

function membersOfMay(policy: PolicyDocument): (rule: string | null) => ReadonlySet<string> {
  const rules = new Map(
    policy.type !== 'file' ? [] : policy.rules.map(({ id, may }) => [id, new Set(may.flatMap(Object.keys))] as const),
  )
  return (rule) => rules.get(rule ?? '') ?? new Set()
}

function whyOf({ reasons }: Decision, listed: ReadonlySet<string>): readonly string[] {
  return reasons.flatMap(({ member, pattern, attribute, value }) => {
    const name = attribute.replace('/event/', '').replaceAll('/', '.')
    const found = commitmentForm.test(String(value)) ? 'a personal value, opened' : value
    if (member !== 'may' || pattern !== '') return [`${member} ${pattern}: ${name} ${found}`]
    return listed.size === 0 || listed.has(asked[attribute] ?? '') ? [`not among who may: ${name} ${found}`] : []
  })
}

const lacks: Readonly<Record<string, string>> = {
  units: 'no event tells the unit yet',
  users: 'the event does not tell the name of the account, or it cannot be opened any more',
  ancestors: 'the event does not tell all ancestors',
  command_lines: 'the event does not tell the whole command line',
}
const lackOf = (member: string) => `${member}: ${lacks[member.replace('may.', '')] ?? 'the event does not say'}`

/** So many within a time, for each key: the one that makes it full raises the alert, and counting begins anew. */
function createCounts(policy: PolicyDocument): (decision: Decision, seen: Seen) => 'alert' | 'count' {
  const rules = new Map(
    policy.type !== 'detection'
      ? []
      : policy.rules.flatMap((rule) =>
          rule.kind === 'threshold' && rule.count !== undefined && rule.within_seconds !== undefined
            ? [[rule.id, { count: rule.count, withinMs: rule.within_seconds * 1000 }] as const]
            : [],
        ),
  )
  const times = new Map<string, number[]>()
  let kept = 0
  return ({ rule, key }, { timeMs, times: more }) => {
    const due = rules.get(rule ?? '')
    if (due === undefined) return 'alert'
    const name = `${rule} ${key}`
    const known = times.get(name) ?? []
    const now = Array<number>(Math.min(more, due.count)).fill(timeMs)
    const recent = [...known.filter((at) => Math.abs(timeMs - at) < due.withinMs), ...now]
    kept += recent.length - known.length
    const isFull = recent.length >= due.count
    if (isFull) kept -= recent.length
    times.delete(name)
    if (!isFull) times.set(name, recent)
    for (const [oldest, those] of times) {
      if (times.size <= keysMax && kept <= timesMax) break
      kept -= those.length
      times.delete(oldest)
    }
    return isFull ? 'alert' : 'count'
  }
}

/** Is an action not held back by what was done to the same target before? */
function createCooldowns(policy: PolicyDocument): (decision: Decision, timeMs: number) => boolean {
  const rules = new Map(
    policy.type === 'response' ? policy.rules.map(({ id, cooldown_seconds }) => [id, cooldown_seconds * 1000]) : [],
  )
  const last = new Map<string, number>()
  return ({ rule, key = '' }, timeMs) => {
    const cooldownMs = rules.get(rule ?? '')
    if (cooldownMs === undefined) return true
    const before = last.get(key)
    if (before !== undefined && Math.abs(timeMs - before) < cooldownMs) return false
    last.delete(key)
    last.set(key, timeMs)
    for (const oldest of last.keys()) {
      if (last.size <= keysMax) break
      last.delete(oldest)
    }
    return true
  }
}
