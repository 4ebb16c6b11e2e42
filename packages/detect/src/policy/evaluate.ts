// SPDX-License-Identifier: Apache-2.0

import type { Side } from '@sealwatch/contract'
import { type CompiledPolicy, type CompiledRule, judgedClasses, type RuleIn, retentionClassOf } from './compile.ts'
import type { PolicyReason, Verdict } from './facets.ts'
import { type EventFacts, factsOf } from './facts.ts'

/**
 * What a policy says of an event. `allow`, `deny`: of the act. Of a finding: `except` it is no alert; `quiet` it is below
 * what alerts are raised from; `alert`; `record`, `block` by its score; `count` it counts towards an alert; `act`, `dry_run`,
 * `off` what is done about it. Of an entry: `keep`, `expire`. `undecided`: the event does not say what it turns on.
 */
export type PolicyEffect =
  | 'allow'
  | 'deny'
  | 'except'
  | 'quiet'
  | 'alert'
  | 'record'
  | 'block'
  | 'count'
  | 'act'
  | 'dry_run'
  | 'off'
  | 'keep'
  | 'expire'
  | 'undecided'

export type Decision = {
  /** Id of the rule that decided; null: none matched, and the default did. */
  readonly rule: string | null
  readonly effect: PolicyEffect
  readonly reasons: readonly PolicyReason[]
  /** Whom a finding is counted for, or what an action is done to: cool-downs and counts are each of their own. */
  readonly key?: string
  /** Of what is undecided: the members of the rule that turn on what the event does not say. */
  readonly lacks?: readonly string[]
}

export type EvaluateOptions = {
  /** The line's personal values, as far as they could be opened. */
  readonly side?: Side
  /** Unix milliseconds: for what ends, and for what is kept. */
  readonly nowMs?: number
}

const noSide: Side = {}
const none: readonly Decision[] = []

/** What the policy says of an event; nothing where it is not about such an event, or not for that host. */
export function evaluatePolicy(
  compiled: CompiledPolicy,
  event: object,
  { side = noSide, nowMs }: EvaluateOptions = {},
): readonly Decision[] {
  const { policy } = compiled
  const { class_uid, activity_id } = event as { class_uid?: unknown; activity_id?: unknown }
  if (!policy.enabled || judgedClasses[policy.type]?.includes(class_uid as number) === false) return none
  const facts = factsOf(event, side)
  if (compiled.hosts(facts) === false) return none
  switch (policy.type) {
    case 'process':
      // A launch is what can be denied.
      return activity_id === 1 ? [byFirst(compiled, facts, policy.default)] : none
    case 'network':
      return isAsked(event) ? [byFirst(compiled, facts, policy.default)] : none
    case 'file':
      return fileDecision(compiled, facts)
    case 'detection':
      return detectionDecision(compiled, facts, nowMs)
    case 'response':
      return responseDecisions(compiled, facts)
    case 'retention':
      return retentionDecision(compiled, event, nowMs)
  }
}

/** Open, Fail, Refuse: a connection was asked for; Traffic that this host began: a datagram without one. */
const opens: ReadonlySet<unknown> = new Set([1, 4, 5])
const traffic = 6

function isAsked(event: object): boolean {
  const { activity_id, unmapped } = event as { activity_id?: unknown; unmapped?: { initiated?: unknown } | null }
  return opens.has(activity_id) || (activity_id === traffic && unmapped?.initiated === true)
}

type Found = {
  readonly row: CompiledRule | undefined
  readonly reasons: readonly PolicyReason[]
  /** Those before it that may match, too. */
  readonly open: readonly CompiledRule[]
}

function firstOf(rules: readonly CompiledRule[], facts: EventFacts): Found {
  const open: CompiledRule[] = []
  for (const row of rules) {
    const verdict: Verdict = row.matches(facts)
    if (verdict === undefined) open.push(row)
    else if (verdict !== false) return { row, reasons: verdict, open }
  }
  return { row: undefined, reasons: [], open }
}

function byFirst({ rules }: CompiledPolicy, facts: EventFacts, otherwise: 'allow' | 'deny'): Decision {
  const actionOf = ({ rule }: CompiledRule) => (rule as RuleIn<'process'>).action
  const { row, reasons, open } = firstOf(rules, facts)
  const effect = row === undefined ? otherwise : actionOf(row)
  const against = open.find((each) => actionOf(each) !== effect)
  return against === undefined ? { rule: row?.rule.id ?? null, effect, reasons } : undecided(against, facts)
}

const undecided = ({ rule: { id }, lacks }: CompiledRule, facts: EventFacts): Decision => ({
  rule: id,
  effect: 'undecided',
  reasons: [],
  lacks: lacks(facts),
})

function fileDecision({ rules }: CompiledPolicy, facts: EventFacts): readonly Decision[] {
  const { row, reasons, open } = firstOf(rules, facts)
  if (open[0] !== undefined) return [undecided(open[0], facts)]
  if (row === undefined) return none
  const verdict = row.may?.(facts)
  if (verdict === undefined) return [undecided(row, facts)]
  if (verdict !== false) return [{ rule: row.rule.id, effect: 'allow', reasons: [...reasons, ...verdict] }]
  return [{ rule: row.rule.id, effect: 'deny', reasons: [...reasons, ...actorOf(facts)] }]
}

/** Who it was that is not one of those who may. */
const actorOf = (facts: EventFacts): readonly PolicyReason[] =>
  (['actingProgram', 'actingUserId'] as const).flatMap((thing) =>
    facts(thing)
      .found.slice(0, 1)
      .map(({ attribute, shown }) => ({ member: 'may', pattern: '', attribute, value: shown })),
  )

function detectionDecision(
  { rules }: CompiledPolicy,
  facts: EventFacts,
  nowMs: number | undefined,
): readonly Decision[] {
  const isLive = ({ rule }: CompiledRule) => {
    const { kind, until } = rule as RuleIn<'detection'> & { until?: string }
    return kind === 'exception' && (until === undefined || nowMs === undefined || nowMs < Date.parse(until))
  }
  const excepted = firstOf(rules.filter(isLive), facts)
  if (excepted.row !== undefined) return [{ rule: excepted.row.rule.id, effect: 'except', reasons: excepted.reasons }]
  if (excepted.open[0] !== undefined) return [undecided(excepted.open[0], facts)]
  const isThreshold = ({ rule }: CompiledRule) => (rule as RuleIn<'detection'>).kind === 'threshold'
  const { row, reasons } = firstOf(rules.filter(isThreshold), facts)
  return row === undefined ? none : [thresholdDecision(row.rule as Threshold, reasons, facts)]
}

type Threshold = Extract<RuleIn<'detection'>, { kind: 'threshold' }>

function thresholdDecision(rule: Threshold, reasons: readonly PolicyReason[], facts: EventFacts): Decision {
  const { id, alert_from, scores, count, per } = rule
  const decided = (effect: PolicyEffect, ...more: readonly PolicyReason[]): Decision => ({
    rule: id,
    effect,
    reasons: [...reasons, ...more],
  })
  const [severity] = facts('severity').found
  if (alert_from !== undefined && severity !== undefined && Number(severity.value) < severityIds[alert_from])
    return decided('quiet', {
      member: 'alert_from',
      pattern: alert_from,
      attribute: severity.attribute,
      value: severity.shown,
    })
  if (scores !== undefined) {
    const [score] = facts('score').found
    if (score === undefined) return { rule: id, effect: 'undecided', reasons, lacks: ['scores'] }
    const step = (['block', 'alert', 'record'] as const).find(
      (each) => Number(score.value) >= (scores[each] ?? Number.POSITIVE_INFINITY),
    )
    const reason = { member: 'scores', pattern: step ?? '', attribute: score.attribute, value: score.shown }
    if (step !== 'alert' || count === undefined) return decided(step ?? 'quiet', reason)
  }
  if (count === undefined) return decided('alert')
  return { ...decided('count'), key: keyFor(per, facts) }
}

const severityIds = { informational: 1, low: 2, medium: 3, high: 4, critical: 5 } as const

function keyFor(per: Threshold['per'], facts: EventFacts): string {
  const thing = { host: 'host', user: 'actingUserId', executable: 'actingProgram' } as const
  return per === 'tenant' ? '' : (facts(thing[per]).found[0]?.shown ?? '').toString()
}

/** Of each action the first rule that matches. */
function responseDecisions({ rules }: CompiledPolicy, facts: EventFacts): readonly Decision[] {
  const actions = [...new Set(rules.map(({ rule }) => (rule as RuleIn<'response'>).action))]
  return actions.flatMap((action): readonly Decision[] => {
    const own = rules.filter(({ rule }) => (rule as RuleIn<'response'>).action === action)
    const { row, reasons, open } = firstOf(own, facts)
    if (open[0] !== undefined) return [undecided(open[0], facts)]
    if (row === undefined) return none
    const { id, mode } = row.rule as RuleIn<'response'>
    return [{ rule: id, effect: mode === 'on' ? 'act' : mode, reasons, key: `${action} ${targetOf(action, facts)}` }]
  })
}

/** What an action is done to, as far as the finding tells. */
function targetOf(action: RuleIn<'response'>['action'], facts: EventFacts): string {
  const thing = {
    kill_process: 'actingProgram',
    quarantine_file: 'findingFile',
    disable_user: 'actingUserId',
    block_ip: 'remoteAddress',
  } as const
  const host = facts('host').found[0]?.value ?? ''
  const target = Object.hasOwn(thing, action) ? facts(thing[action as keyof typeof thing]).found[0]?.shown : undefined
  return `${host} ${target ?? ''}`
}

function retentionDecision({ rules }: CompiledPolicy, event: object, nowMs = 0): readonly Decision[] {
  const { class_uid, time } = event as { class_uid?: unknown; time?: unknown }
  const name = retentionClassOf(class_uid)
  const row = rules.find(({ rule }) => (rule as RuleIn<'retention'>).classes.includes(name))
  if (row === undefined) return none
  const { id, days } = row.rule as RuleIn<'retention'>
  if (typeof time !== 'number') return [{ rule: id, effect: 'undecided', reasons: [], lacks: ['days'] }]
  const reason = { member: 'classes', pattern: name, attribute: '/event/time', value: time }
  return [{ rule: id, effect: time < nowMs - days * 86_400_000 ? 'expire' : 'keep', reasons: [reason] }]
}
