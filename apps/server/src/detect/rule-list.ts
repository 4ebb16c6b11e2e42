// SPDX-License-Identifier: Apache-2.0

import { basename } from 'node:path'
import type { Clock } from '@sealwatch/base'
import type { RuleHead, RuleNotice } from '@sealwatch/detect'
import type { Authorised } from '../access/index.ts'
import type { Store } from '../store/index.ts'
import { ruleError } from './errors.ts'
import { countsOf, type RuleCount } from './rule-counts.ts'
import type { RuleOrigin } from './rulebook.ts'
import type { Rules } from './rules.ts'

export type RuleRecord = RuleCount & {
  readonly rule: RuleHead
  readonly origin: RuleOrigin
  /** Within its folder. */
  readonly path: string
  readonly notices: readonly string[]
}

/** A file or a folder that is not in force as it stands; `line` 0: a folder. */
export type WrongRule = {
  readonly path: string
  readonly line: number
  readonly code: string
  readonly reason: string
  readonly advice: string
  readonly isEarlierKept: boolean
}

/** What a tenant may know of the rules by which its events are judged: where folders lie is the operator's. */
export type RuleList = {
  readonly digest: string
  readonly since: string
  readonly wrong: readonly WrongRule[]
  /** Files that hold no rule, and change what those of others do: filters, placeholders. */
  readonly others: readonly { readonly path: string; readonly text: string }[]
  /** In the order of their ids, from the one after `after` on; counted over so many days. */
  list(
    by: Authorised<'rule:read'>,
    query: { readonly after: string; readonly limit: number; readonly days: number },
  ): Promise<RuleRecord[]>
  /** Throws RULE_UNKNOWN. */
  get(by: Authorised<'rule:read'>, id: string, days: number): Promise<RuleRecord>
}

export function createRuleList(options: {
  readonly rules: Rules
  readonly store: Pick<Store, 'db'>
  readonly clock: Clock
}): RuleList {
  const { rules, store, clock } = options
  const shortened = (text: string) =>
    rules.folders.reduce((shorter, { dir }) => shorter.replaceAll(`${dir.replace(/\/+$/, '')}/`, ''), text)

  function allRules(): readonly RuleHead[] {
    const { rules: single, correlations } = rules.ruleset
    return [...single, ...correlations]
  }

  async function recordsOf(tenant: string, wanted: readonly RuleHead[], days: number): Promise<RuleRecord[]> {
    const { origins, notices } = rules.inForce
    const counts = await countsOf(store, tenant, { days, nowMs: clock.nowMs() })
    const firstOf = Map.groupBy(allRules(), ({ path }) => path)
    const isAbout = ({ path, rule: about }: RuleNotice, rule: RuleHead) =>
      path === rule.path && (about === undefined ? firstOf.get(path)?.[0] === rule : about === rule.id)
    return wanted.flatMap((rule) => {
      const origin = origins.get(rule.path)
      if (origin === undefined) return []
      const its = notices.filter((notice) => isAbout(notice, rule)).map(({ text }) => text)
      const count = counts.get(rule.id) ?? { fired: 0, excepted: 0 }
      return [{ rule, origin, path: shortened(rule.path), notices: its, ...count }]
    })
  }

  return {
    get digest() {
      return rules.inForce.digest
    },
    get since() {
      return rules.inForce.since
    },
    get others() {
      const { origins } = rules.inForce
      const ruled = new Set(allRules().map(({ path }) => path))
      return [...origins].flatMap(([path, { text }]) => (ruled.has(path) ? [] : [{ path: shortened(path), text }]))
    },
    get wrong() {
      const folders = rules.folders.flatMap(({ dir, problem }) =>
        problem === undefined ? [] : [{ path: `${basename(dir)}/`, line: 0, error: problem, isEarlierKept: true }],
      )
      return [...folders, ...rules.inForce.leftOut].map(({ path, line, error, isEarlierKept }) => ({
        path: shortened(path),
        line,
        code: error.code,
        reason: shortened(error.received === undefined ? error.rule : `${error.rule}; received ${error.received}`),
        advice: error.advice,
        isEarlierKept,
      }))
    },
    list: async ({ tenant }, { after, limit, days }) => {
      const sorted = allRules()
        .filter(({ id }) => id > after)
        .toSorted((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit)
      return recordsOf(tenant, sorted, days)
    },
    get: async ({ tenant }, id, days) => {
      const [found] = await recordsOf(
        tenant,
        allRules().filter((rule) => rule.id === id),
        days,
      )
      if (found === undefined) throw ruleError('RULE_UNKNOWN', { attempted: 'reading a rule', received: id })
      return found
    },
  }
}
