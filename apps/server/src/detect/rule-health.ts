// SPDX-License-Identifier: Apache-2.0

import type { Health } from '@sealwatch/base/health'
import type { Exceptions } from './exceptions.ts'
import type { Requests } from './requests/index.ts'
import { leftOutText } from './rulebook.ts'
import type { Rules } from './rules.ts'

/** Of what is wrong so many are named; all of it is counted, and in the log. */
const namedMax = 20

type OfRules = {
  readonly rules: Rules
  readonly requests: Pick<Requests, 'wrongRules'>
  readonly exceptions: Pick<Exceptions, 'counts'>
}

/** What of the rules over events and over requests is not in force as somebody wrote it, each in a line for people. */
export const wrongRules = ({ rules, requests }: Omit<OfRules, 'exceptions'>): readonly string[] => [
  ...rules.folders.flatMap(({ dir, problem }) => (problem === undefined ? [] : [`${dir}: ${problem.message}`])),
  ...rules.inForce.leftOut.map(leftOutText),
  ...requests.wrongRules,
]

/** Which rules judge, and what of them is not as somebody wrote it (docs/runbooks/rule-left-out.md). */
export function addRuleHealth(
  { show, metrics }: Pick<Health, 'show' | 'metrics'>,
  { rules, requests, exceptions }: OfRules,
): void {
  const wrongFolders = () => rules.folders.filter(({ problem }) => problem !== undefined)
  show('rules', () => {
    const { ruleset, digest, since, leftOut, notices } = rules.inForce
    const isWrong = leftOut.length > 0 || wrongFolders().length > 0
    return {
      level: isWrong ? 'warning' : 'ok',
      in_force: ruleset.rules.length + ruleset.correlations.length,
      digest,
      since,
      wrong: leftOut.length,
      files: leftOut.slice(0, namedMax).map(leftOutText),
      notices: notices.slice(0, namedMax).map(({ path, line = 1, text }) => `${path}:${line}: ${text}`),
      folders: rules.folders.map(({ dir, problem }) => ({ path: dir, problem: problem?.received ?? null })),
    }
  })
  metrics.gauge({ name: 'sealwatch_rules_in_force', help: 'Detection rules that judge events' }, () => {
    const { rules: single, correlations } = rules.inForce.ruleset
    return single.length + correlations.length
  })
  metrics.gauge(
    {
      name: 'sealwatch_rules_wrong',
      help: 'Files and folders of detection rules, and rules over requests, that are not in force as they stand',
      labels: ['kind'],
    },
    () => [
      [['file'], rules.inForce.leftOut.length],
      [['folder'], wrongFolders().length],
      [['request'], requests.wrongRules.length],
    ],
  )
  metrics.gauge(
    {
      name: 'sealwatch_rule_exceptions',
      help: 'Exceptions from rules, of all tenants; ending: within three days',
      labels: ['state'],
    },
    () => [
      [['standing'], exceptions.counts.standing],
      [['ending'], exceptions.counts.ending],
    ],
  )
  metrics.counter(
    { name: 'sealwatch_rule_matches_excepted_total', help: 'Matches of rules that made no alert, for an exception' },
    () => exceptions.counts.excepted,
  )
  metrics.counter(
    { name: 'sealwatch_rules_reloads_total', help: 'Times since the start that other rules came into force' },
    () => rules.reloads,
  )
}
