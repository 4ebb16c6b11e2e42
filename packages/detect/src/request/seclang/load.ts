// SPDX-License-Identifier: Apache-2.0

import { RegexSyntaxError } from '../regex/syntax.ts'
import { selectRules } from './actions.ts'
import { createEvaluator, type Evaluator } from './evaluate.ts'
import { foldConstants } from './fold.ts'
import { seclangLimits } from './limits.ts'
import type { DataFiles } from './operators.ts'
import { type Directive, parseDirectives, type RuleText, SecLangError } from './parse.ts'
import { type Entry, isMarker, readRule, type SecRule } from './rule.ts'
import { parseTargets } from './targets.ts'

/** `rules`: those of the phases in which a request is read. `problems`: what did not load, and why, rule by rule. */
export type LoadedSecRules = {
  readonly engine: Evaluator
  readonly rules: readonly SecRule[]
  readonly problems: readonly RuleProblem[]
  readonly notes: readonly RuleProblem[]
  /** Rules over responses, which are not looked at. */
  readonly responseRules: number
}
/** `line`: the first of its directive. `id` 0: it has none, or cannot be told. */
export type RuleProblem = { readonly file: string; readonly line: number; readonly id: number; readonly reason: string }

/** FILE:LINE: rule ID: REASON */
export const ruleProblemText = ({ file, line, id, reason }: RuleProblem): string =>
  `${file}:${line}: ${id === 0 ? '' : `rule ${id}: `}${reason}`

/** `variables`: of TX, as crs-setup.conf sets them, e.g. `blocking_paranoia_level`. */
export type SecRuleOptions = { readonly files: DataFiles; readonly variables?: Readonly<Record<string, string>> }

/** What configures a proxy, not what a rule says. */
const configuration =
  /^sec(?:component|collection|request|response|audit|debug|argument|tmp|upload|unicode|status|data|pcre|geo|http|server|hash|xml|connengine|cookie|guardian|interceptonerror|readstate|writestate|sensor|stream|cacheTransformations|disable|content|gsb|default|rule(?:engine|inheritance|perftime))/i
const updates = /^sec(?:rule)(remove|updatetarget)by(id|tag|msg)$/i

/** Rule files in the order in which they are to be read: setup first, as the core rule set names them. */
export function loadSecRules(texts: readonly RuleText[], options: SecRuleOptions): LoadedSecRules {
  const problems: RuleProblem[] = []
  const notes: RuleProblem[] = []
  let entries: Entry[] = []
  let responseRules = 0
  let chain: { readonly first: SecRule; last: SecRule; length: number; isBroken: boolean } | undefined

  const refuse = (directive: Pick<Directive, 'file' | 'line'>, id: number, error: unknown) => {
    if (!(error instanceof SecLangError || error instanceof RegexSyntaxError)) throw error
    problems.push({ file: directive.file, line: directive.line, id, reason: error.message })
  }

  const addRule = (directive: Directive) => {
    const opened = chain
    chain = undefined
    const actions = directive.words.at(-1) ?? ''
    const isOpen = /(?:^|,)\s*chain\s*(?:,|$)/.test(actions)
    if (opened?.isBroken) {
      if (isOpen) chain = opened
      return
    }
    const own = Number(/(?:^|,)\s*id\s*:\s*'?(\d+)/.exec(actions)?.[1] ?? 0)
    if (opened === undefined && /(?:^|,)\s*phase\s*:\s*'?(?:[345]|response|logging)/.test(actions)) {
      responseRules += 1
      if (isOpen) chain = { ...broken(directive), isBroken: true }
      return
    }
    try {
      const rule = readRule(directive, options.files)
      for (const reason of rule.operator.notes ?? [])
        notes.push({ ...directive, id: rule.id || (opened?.first.id ?? 0), reason })
      if (opened === undefined) {
        if (rule.isChained) chain = { first: rule, last: rule, length: 1, isBroken: false }
        else entries.push(rule)
        return
      }
      opened.last.next = rule
      opened.last = rule
      opened.length += 1
      if (opened.length > seclangLimits.chainMax)
        throw new SecLangError(`a chain of more than ${seclangLimits.chainMax} rules`)
      if (rule.isChained) chain = opened
      else entries.push(opened.first)
    } catch (error) {
      refuse(directive, own || (opened?.first.id ?? 0), error)
      // The links that follow belong to a chain that cannot be kept, and are not told of.
      if (isOpen) chain = { ...(opened ?? broken(directive)), isBroken: true }
    }
  }

  const update = (directive: Directive, what: string, by: string) => {
    try {
      const selected = selectRules(by, directive.words[0] ?? '')
      if (what === 'remove') entries = entries.filter((entry) => isMarker(entry) || !selected(entry))
      else {
        const { targets, excluded } = parseTargets(directive.words[1] ?? '')
        entries = entries.map((entry) =>
          isMarker(entry) || !selected(entry)
            ? entry
            : { ...entry, targets: [...entry.targets, ...targets], excluded: [...entry.excluded, ...excluded] },
        )
      }
    } catch (error) {
      refuse(directive, 0, error)
    }
  }

  for (const directive of directivesOf(texts, problems)) {
    const [, what, by] = updates.exec(directive.name) ?? []
    if (/^sec(?:rule|action)$/i.test(directive.name)) addRule(directive)
    else if (/^secmarker$/i.test(directive.name)) entries.push({ marker: directive.words[0] ?? '' })
    else if (what !== undefined && by !== undefined) update(directive, what.toLowerCase(), by.toLowerCase())
    else if (!configuration.test(directive.name))
      refuse(directive, 0, new SecLangError(`the directive ${directive.name}`))
    if (entries.length > seclangLimits.rulesMax) throw new SecLangError(`more than ${seclangLimits.rulesMax} rules`)
  }
  if (chain?.isBroken === false)
    refuse(chain.first, chain.first.id, new SecLangError('a chain whose last rule is not there'))
  const rules = entries.flatMap((entry) => (isMarker(entry) ? [] : [entry]))
  const folded = foldConstants(entries, options.variables ?? {})
  return {
    engine: createEvaluator(folded),
    rules,
    problems,
    notes,
    responseRules,
  }
}

const broken = (directive: Directive) => {
  const rule = { ...directive } as unknown as SecRule
  return { first: rule, last: rule, length: 1 }
}

function directivesOf(texts: readonly RuleText[], problems: RuleProblem[]): Directive[] {
  if (texts.length > seclangLimits.filesMax) throw new SecLangError(`more than ${seclangLimits.filesMax} files`)
  return texts.flatMap((text) => {
    try {
      return parseDirectives(text)
    } catch (error) {
      if (!(error instanceof SecLangError)) throw error
      problems.push({ file: text.path, line: 1, id: 0, reason: error.message })
      return []
    }
  })
}
