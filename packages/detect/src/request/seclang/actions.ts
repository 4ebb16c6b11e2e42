// SPDX-License-Identifier: Apache-2.0

import { type Macro, parseMacro } from './macro.ts'
import { parseActions, SecLangError } from './parse.ts'
import { parseTargets, type Target } from './targets.ts'
import { type Transformation, transformationNamed } from './transformations.ts'

/** A change of TX; `by` adds to what is there, otherwise it takes its place. */
export type SetVariable = {
  readonly name: Macro
  readonly kind: 'set' | 'add' | 'subtract' | 'unset'
  readonly value: Macro
}
export type Control =
  | { readonly kind: 'remove-rules'; readonly rules: RuleSelection }
  | { readonly kind: 'remove-target'; readonly rules: RuleSelection; readonly targets: readonly Target[] }
  | { readonly kind: 'engine-off' }
export type RuleSelection = (rule: {
  readonly id: number
  readonly tags: readonly string[]
  readonly msg: string
}) => boolean

export type Actions = {
  readonly id: number
  readonly phase: number
  readonly msg: string
  readonly severity: string
  readonly tags: readonly string[]
  readonly transformations: readonly Transformation[]
  readonly names: readonly string[]
  readonly setVariables: readonly SetVariable[]
  readonly controls: readonly Control[]
  readonly captures: boolean
  readonly multiMatch: boolean
  readonly isChained: boolean
  readonly isLogged: boolean
  readonly blocks: boolean
  readonly skipAfter: string | undefined
}

const severities: Readonly<Record<string, string>> = {
  0: 'EMERGENCY',
  1: 'ALERT',
  2: 'CRITICAL',
  3: 'ERROR',
  4: 'WARNING',
  5: 'NOTICE',
  6: 'INFO',
  7: 'DEBUG',
}
const phases: Readonly<Record<string, number>> = { request: 2, response: 4, logging: 5 }

/** What tells nothing of what a request says, or belongs to a proxy and its log. */
const withoutEffect = new Set([
  'accuracy',
  'allow',
  'append',
  'auditlog',
  'block',
  'deny',
  'deprecatevar',
  'drop',
  'exec',
  'expirevar',
  'initcol',
  'log',
  'logdata',
  'maturity',
  'noauditlog',
  'nolog',
  'pass',
  'pause',
  'proxy',
  'redirect',
  'rev',
  'sanitisearg',
  'sanitisematched',
  'sanitisematchedbytes',
  'sanitiserequestheader',
  'sanitiseresponseheader',
  'setenv',
  'setrsc',
  'setsid',
  'setuid',
  'skip',
  'status',
  'ver',
  'xmlns',
])
const others = new Set([
  'capture',
  'chain',
  'ctl',
  'id',
  'msg',
  'multimatch',
  'phase',
  'setvar',
  'severity',
  'skipafter',
  't',
  'tag',
])

export function readActions(text: string): Actions {
  const pairs = parseActions(text).map(([name, value]) => [name.toLowerCase(), value] as const)
  const has = (...names: string[]) => pairs.some(([name]) => names.includes(name))
  const all = (wanted: string) => pairs.filter(([name]) => name === wanted).map(([, value]) => value)
  const last = (wanted: string) => all(wanted).at(-1)
  for (const [name] of pairs)
    if (!withoutEffect.has(name) && !others.has(name)) throw new SecLangError(`the action ${name}`)
  if (has('skip')) throw new SecLangError('the action skip, whose count of rules has no meaning when one does not load')
  const severity = last('severity') ?? ''
  const names = transformationNames(all('t'))
  return {
    id: wholeId(last('id') ?? '0'),
    phase: phases[last('phase') ?? ''] ?? Number(last('phase') ?? 2),
    msg: last('msg') ?? '',
    severity: severities[severity] ?? severity.toUpperCase(),
    tags: all('tag'),
    names,
    transformations: names.map(namedTransformation),
    setVariables: all('setvar').flatMap(readSetVariable),
    controls: all('ctl').flatMap(readControl),
    captures: has('capture'),
    multiMatch: has('multimatch'),
    isChained: has('chain'),
    isLogged: !has('nolog'),
    blocks: has('block', 'deny', 'drop', 'redirect', 'proxy'),
    skipAfter: last('skipafter'),
  }
}

function wholeId(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new SecLangError(`the id ${text}`)
  return Number(text)
}

/** `t:none` takes back what stands before it. */
const transformationNames = (given: readonly string[]): string[] => {
  const lower = given.map((name) => name.toLowerCase())
  return lower.slice(lower.lastIndexOf('none') + 1)
}

function namedTransformation(name: string): Transformation {
  const known = transformationNamed(name)
  if (known === undefined) throw new SecLangError(`the transformation t:${name}`)
  return known
}

/** Collections that outlive a request are not kept here; of them a rule sees nothing. */
function readSetVariable(text: string): SetVariable[] {
  const [, bang, collection, name, sign, value = '1'] =
    /^(!?)([A-Za-z]+)\.([^=]+)(?:=([+-]?)([\s\S]*))?$/.exec(text.trim()) ?? []
  if (name === undefined) throw new SecLangError(`setvar:${text}`)
  if (collection?.toLowerCase() !== 'tx') return []
  const kind = bang ? 'unset' : sign === '+' ? 'add' : sign === '-' ? 'subtract' : 'set'
  return [{ name: parseMacro(name.trim().toLowerCase()), kind, value: parseMacro(value) }]
}

const ignoredControls =
  /^(auditengine|auditlogparts|debugloglevel|forcerequestbodyvariable|requestbodyprocessor|requestbodyaccess|requestbodylimit|responsebodyaccess|responsebodylimit|hashengine|hashenforcement)$/

function readControl(text: string): Control[] {
  const [, name = '', value = ''] = /^([A-Za-z]+)\s*=\s*([\s\S]*)$/.exec(text.trim()) ?? []
  const lower = name.toLowerCase()
  if (lower === 'ruleengine') return value.toLowerCase() === 'on' ? [] : [{ kind: 'engine-off' }]
  if (ignoredControls.test(lower)) return []
  const [, target, by] = /^ruleremove(target)?by(id|tag|msg)$/.exec(lower) ?? []
  if (by === undefined) throw new SecLangError(`ctl:${text}`)
  if (target === undefined) return [{ kind: 'remove-rules', rules: selectRules(by, value) }]
  const cut = value.indexOf(';')
  if (cut < 0) throw new SecLangError(`ctl:${text}, without a target`)
  return [
    {
      kind: 'remove-target',
      rules: selectRules(by, value.slice(0, cut)),
      targets: parseTargets(value.slice(cut + 1)).targets,
    },
  ]
}

/** `by`: id (numbers and ranges), tag or msg; tags and messages as a whole or as a regular expression that is in them. */
export function selectRules(by: string, value: string): RuleSelection {
  if (by === 'id') {
    const ranges = value
      .split(/[\s,]+/)
      .filter((part) => part !== '')
      .map((part) => part.split('-').map(wholeId))
    return ({ id }) => ranges.some(([low = 0, high = low]) => id >= low && id <= high)
  }
  return by === 'tag' ? ({ tags }) => tags.includes(value) : ({ msg }) => msg === value
}
