// SPDX-License-Identifier: Apache-2.0

import { detectError } from '../errors.ts'
import type { ExplainedCondition, ExplainedItem, Explanation, Subject } from '../explain.ts'
import { createAttributeTable, readingOf } from '../reading.ts'
import { evaluate, loadRules } from '../ruleset.ts'
import type { RuleFile } from '../sigma/document.ts'
import { type Account, accountsOf } from './judge.ts'
import { collected, isFalco } from './load.ts'
import { type Check, type Node, resolverOf } from './resolve.ts'

/**
 * What a rule of Falco looks for, its macros and lists in their places, and of an event, which of it holds, as the rule itself is judged.
 * `files`: all that may change it, for it is said by all of them together; what is not Falco's is passed over. `id`: of several, else the
 * first. Throws what makes loadRules leave the rule out, and RULE_SHAPE where there is none.
 */
export function explainFalco(files: readonly RuleFile[], subject?: Subject, id?: string): Explanation {
  const ours = files.filter(isFalco)
  const { ruleset, problems } = loadRules(ours)
  const rule = ruleset.rules.find((one) => id === undefined || one.id === id)
  if (rule === undefined)
    throw (
      problems[0]?.error ??
      detectError('RULE_SHAPE', { attempted: `explaining ${id ?? ours[0]?.path}`, received: 'no rule of Falco' })
    )
  const collection = collected(ours)
  const said = collection.rules.get(rule.title)
  if (said === undefined) throw new TypeError('a rule that is loaded was collected')
  const node = resolverOf(collection).condition(said.condition)
  return {
    id: rule.id,
    title: rule.title,
    severity: rule.severity,
    logsource: {},
    selections: [],
    conditions: [
      {
        text: said.members.condition.replace(/\s+/g, ' ').trim(),
        condition: explained(node, subject, accountOf(node, subject)),
      },
    ],
    isConcerned: subject && rule.types.includes(subject.event.type_uid),
    fires: subject && evaluate(ruleset, subject.event, subject.side).some((match) => match.rule === rule),
  }
}

/** By the kind of event by which it fires; by which it does not, the first that it is. */
function accountOf(node: Node, subject: Subject | undefined): Account | undefined {
  if (subject === undefined) return undefined
  const accounts = accountsOf(readingOf(subject.event, subject.side ?? {}), createAttributeTable())
  return accounts.find(({ holds }) => holds(node) === true) ?? accounts[0]
}

function explained(node: Node, subject: Subject | undefined, account: Account | undefined): ExplainedCondition {
  const holds = account?.holds(node)
  if (node.kind === 'check') return { kind: 'check', within: node.within, item: itemOf(node, subject, account), holds }
  if (node.kind === 'not') return { kind: 'not', of: explained(node.of, subject, account), holds }
  return { kind: node.kind, of: node.of.map((inner) => explained(inner, subject, account)), holds }
}

function itemOf(check: Check, subject: Subject | undefined, account: Account | undefined): ExplainedItem {
  const { name, argument, transformers } = check.field
  const place = argument === undefined ? name : `${name}[${argument}]`
  const found = (account?.found(check) ?? []).flatMap(({ pointer, sealed }) =>
    pointer === '' ? [] : [{ attribute: pointer, value: subject?.side?.[pointer]?.value ?? sealed }],
  )
  return {
    field: transformers.reduce((inner, transformer) => `${transformer}(${inner})`, place),
    modifiers: [check.operator],
    values: check.values,
    holds: account?.holds(check),
    found,
  }
}
