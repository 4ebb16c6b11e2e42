// SPDX-License-Identifier: Apache-2.0

import { canonicalize, rfc3339From } from '@sealwatch/base'
import { nearest } from '@sealwatch/contract/nearest'
import type { Ruleset } from '@sealwatch/detect'
import { behaviourFeatures } from '@sealwatch/detect/behaviour'
import { signalKinds } from '@sealwatch/detect/request'
import type { DetectorName } from '@sealwatch/detect/verdict'
import { ruleError } from './errors.ts'
import {
  compileException,
  type ExceptedRule,
  type ExceptionRow,
  isMeant,
  exceptionLimits as limits,
  type Selection,
} from './exception-form.ts'
import { checkRequestMatter, type RequestMatter } from './requests/exception.ts'

export type WantedException = (
  | {
      readonly ruleId?: string | undefined
      readonly tag?: string | undefined
      readonly selection: Selection
    }
  | { readonly request: RequestMatter }
) & {
  readonly reason: string
  /** As people give it. */
  readonly expiresAt: string
}

type Checked = Pick<ExceptionRow, 'rule_id' | 'tag' | 'selection' | 'request' | 'expires_at'>
type Now = {
  readonly ruleset: Ruleset
  /** Of the rules that judge requests, as their reasons have them. */
  readonly requestRuleIds: ReadonlySet<string>
  /** Of bad addresses, by name. */
  readonly feeds: readonly string[]
  readonly nowMs: number
}

/** Of the row of an exception what it is about, and until when. Throws RULE_UNKNOWN, EXCEPTION_INVALID. */
export function checkedException(wanted: WantedException, now: Now, attempted: string): Checked {
  const matter = 'request' in wanted ? ofRequests(wanted.request, now, attempted) : ofEvents(wanted, now, attempted)
  return { ...matter, expires_at: checkedEnd(wanted.expiresAt, now.nowMs, attempted) }
}

function ofRequests(matter: RequestMatter, now: Now, attempted: string) {
  checkRequestMatter(matter, attempted)
  checkId(matter, now, attempted)
  return { rule_id: null, tag: null, selection: 'null', request: canonicalize(matter) }
}

/** What a detector's reasons have as id; the model's have none. */
const idsOf: Readonly<Record<DetectorName, (now: Now) => Iterable<string>>> = {
  rules: ({ requestRuleIds }) => requestRuleIds,
  model: () => [],
  signals: () => Object.keys(signalKinds),
  reputation: ({ feeds }) => feeds,
  behaviour: () => behaviourFeatures,
}
const idsListed = 16

/** What is excepted of nothing that there is keeps nothing from counting, and nobody would notice. */
function checkId({ detector, id }: RequestMatter, now: Now, attempted: string): void {
  const known = [...idsOf[detector](now)]
  if (id === null || known.includes(id)) return
  const received = `${detector}:${id}, which there is not${detector === 'rules' ? ' among the rules that are loaded' : ''}`
  const all = `To except all that it says, name ${detector} alone`
  if (known.length === 0)
    throw ruleError('EXCEPTION_INVALID', { attempted, received, advice: `No id is known of it. ${all}` })
  const meant = nearest(id, known)
  const near = meant === undefined ? '' : `The nearest is ${detector}:${meant}. `
  const each = meant === undefined && known.length <= idsListed ? `There is ${known.join(', ')}. ` : ''
  const advice = `${near}${each}Name what a reason of a verdict has as detector and id: its alert shows them`
  throw ruleError('EXCEPTION_INVALID', { attempted, received, advice })
}

type OfEvents = Exclude<WantedException, { readonly request: RequestMatter }>

function ofEvents({ ruleId, tag, selection }: OfEvents, { ruleset }: Now, attempted: string) {
  if ((ruleId === undefined) === (tag === undefined))
    throw ruleError('EXCEPTION_INVALID', { attempted, received: 'a rule and a tag, or neither' })
  const meant = [...ruleset.rules, ...ruleset.correlations].filter((rule: ExceptedRule) =>
    isMeant(rule, { ruleId: ruleId ?? null, tag: tag ?? null }),
  )
  if (meant.length === 0) throw ruleError('RULE_UNKNOWN', { attempted, received: ruleId ?? tag })
  if (selection !== null) for (const rule of oneOfEachSource(meant)) compileException(rule, selection)
  return { rule_id: ruleId ?? null, tag: tag ?? null, selection: JSON.stringify(selection), request: null }
}

/** What a selection is compiled for is the log source, and a tag may be on every rule. */
function oneOfEachSource(rules: readonly ExceptedRule[]): Iterable<ExceptedRule> {
  return new Map(rules.map((rule) => [JSON.stringify([rule.logsource, rule.types?.length === 0]), rule])).values()
}

function checkedEnd(expiresAt: string, nowMs: number, attempted: string): string {
  const expires = rfc3339From(expiresAt)
  const aheadMs = Date.parse(expires ?? '') - nowMs
  if (expires !== undefined && aheadMs > 0 && aheadMs <= limits.daysMax * 86_400_000) return expires
  const received = `an end that is not ahead, or more than ${limits.daysMax} days`
  const advice = `Let it end within ${limits.daysMax} days, and make it anew if it is still needed then: --until ${limits.daysMax}d`
  throw ruleError('EXCEPTION_INVALID', { attempted, received, advice })
}
