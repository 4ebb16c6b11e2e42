// SPDX-License-Identifier: Apache-2.0

import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { emitWarning } from 'node:process'
import { messageOf } from '@sealwatch/base'
import { detectError } from '../errors.ts'
import type { Behaviour } from './behaviour/index.ts'
import { decodeRequest } from './decode/request.ts'
import { openModel } from './model/index.ts'
import type { Reputation } from './reputation/index.ts'
import { createEvaluator } from './seclang/evaluate.ts'
import { foldConstants } from './seclang/fold.ts'
import { seclangLimits } from './seclang/limits.ts'
import { type LoadedSecRules, loadSecRules, type RuleProblem, ruleProblemText } from './seclang/load.ts'
import type { DataFiles, Injection } from './seclang/operators.ts'
import { type RuleText, SecLangError } from './seclang/parse.ts'
import type { Detector } from './verdict/detector.ts'
import { detectByBehaviour } from './verdict/detectors/behaviour.ts'
import { detectByModel } from './verdict/detectors/model.ts'
import { detectByReputation } from './verdict/detectors/reputation.ts'
import { detectByRules, type EvaluateRules, type RuleMatch, type SetOf } from './verdict/detectors/rules.ts'
import { judgeSignals } from './verdict/detectors/signals.ts'
import { createJudge, type Judge, type JudgeOptions } from './verdict/verdict.ts'
import { warm } from './warm.ts'

export { type RuleProblem, ruleProblemText } from './seclang/load.ts'

export type OpenOptions = Pick<JudgeOptions, 'onFailed'> & {
  /** A folder of SecLang rules, such as the core rule set as it is unpacked, to be judged by besides our few basic ones. */
  readonly rules?: string | undefined
  /** A folder with a request model as `npm run train` writes it; without it, that of this release. */
  readonly model?: string | undefined
  readonly reputation?: Pick<Reputation, 'lookup'> | undefined
  readonly behaviour?: Pick<Behaviour, 'judge'> | undefined
  /** Each rule that did not load, by `ruleProblemText`, and what else is not there. By default a warning of the process. */
  readonly onNotice?: ((text: string) => void) | undefined
}
export type OpenedRules = {
  readonly detector: Detector
  readonly rules: number
  /** As reasons of verdicts name them, and exceptions. */
  readonly ruleIds: ReadonlySet<string>
  /** Rules that are wrong, and did not load. */
  readonly problems: readonly RuleProblem[]
  /** Rules that nothing is wrong with, and that are not run: they ask other services, which judging does not. */
  readonly notRun: readonly RuleProblem[]
  /** Why SQL and scripts are not told by libinjection here; undefined: they are. */
  readonly withoutInjection: string | undefined
}
export type OpenedModel = {
  readonly detector: Detector | undefined
  /** Of its file, hex. */
  readonly modelSha256: string | undefined
  /** Why requests are judged without it; undefined: they are not. */
  readonly withoutModel: string | undefined
}
export type OpenedJudge = Judge & Omit<OpenedRules & OpenedModel, 'detector'>

export const basicRules = join(import.meta.dirname, '../../rules')

/** Opens what judges requests, once. Throws SealwatchError REQUEST_RULES. */
export function openJudge({
  rules,
  model,
  reputation,
  behaviour,
  onFailed,
  onNotice = warn,
}: OpenOptions): OpenedJudge {
  const { detector: ofRules, ...byRules } = openRequestRules(rules)
  const { detector: ofModel, ...byModel } = openRequestModel(model)
  const judge = createJudge({
    detectors: {
      rules: ofRules,
      model: ofModel,
      signals: judgeSignals,
      reputation: reputation && detectByReputation(reputation),
      behaviour: behaviour && detectByBehaviour(behaviour),
    },
    ...(onFailed !== undefined && { onFailed }),
  })
  for (const text of noticesOf({ ...byRules, ...byModel })) onNotice(text)
  return { ...judge, ...byRules, ...byModel }
}

const warn = (text: string) => emitWarning(text, { type: 'SealwatchRequests' })

/** What is not as its owner thinks; of wrong rules so many are named. */
export const problemsNamed = 20

function noticesOf({
  problems,
  withoutModel,
  withoutInjection,
}: Omit<OpenedRules & OpenedModel, 'detector'>): string[] {
  const more = problems.length - problemsNamed
  return [
    ...problems.slice(0, problemsNamed).map((problem) => `a rule did not load: ${ruleProblemText(problem)}`),
    ...(more > 0 ? [`${more} more rules did not load`] : []),
    ...(withoutModel === undefined ? [] : [`requests are judged without the model: ${withoutModel}`]),
    ...(withoutInjection === undefined ? [] : [`requests are judged without libinjection: ${withoutInjection}`]),
  ]
}

/**
 * Reads the basic rules and those of a folder, and loads what they need: all that has to be done before privileges are dropped. By plain
 * calls: a thread of Node's pool that began before a process is confined is not.
 */
export function openRequestRules(folder?: string): OpenedRules {
  const { injection, withoutInjection } = openInjection()
  const { evaluate, rules, problems, setOf } =
    folder === undefined ? loadBasic(injection) : loadBeside(readRules(folder), folder, injection)
  return {
    detector: detectByRules(evaluate, setOf),
    rules: rules.length,
    ruleIds: new Set(rules.map(({ id }) => String(id))),
    problems: problems.filter((problem) => !asksOthers(problem)),
    notRun: problems.filter(asksOthers),
    withoutInjection,
  }
}

type LoadedSets = Pick<LoadedSecRules, 'rules' | 'problems'> & {
  readonly evaluate: EvaluateRules
  /** Undefined where there is one set. */
  readonly setOf?: SetOf
}

function loadBasic(injection: Injection | undefined): LoadedSets {
  const { engine, rules, problems } = loadSecRules(readRules(basicRules).texts, { files: () => undefined })
  const evaluate: EvaluateRules = (context, decoded, isExcepted) =>
    engine.evaluate(context, decoded, injection, isExcepted)
  return { rules, problems, evaluate }
}

/** The basic rules come first, so that rules of a folder may remove them, or change what they look at. */
function loadBeside({ texts, files }: RuleFiles, folder: string, injection: Injection | undefined): LoadedSets {
  const basic = readRules(basicRules).texts
  const all = [...basic, removing(texts), ...texts]
  const { engine, rules, problems } = loaded(folder, all, (name) => files.get(name))
  const ours = rules.filter(({ file }) => basic.some(({ path }) => path === file))
  if (rules.length === ours.length)
    throw unreadable(folder, ['no rule that loads', ...problems.slice(0, 2).map(ruleProblemText)].join('; '))
  const alone = createEvaluator(foldConstants(ours, {}))
  const evaluate: EvaluateRules = (context, decoded, isExcepted) => {
    const told = engine.evaluate(context, decoded, injection, isExcepted)
    if (told.isComplete) return told
    // Theirs have used up what a request may cost, maybe before ours looked at it.
    const known = new Set(told.matches.map(keyOf))
    const { matches } = alone.evaluate(context, decoded, injection, isExcepted)
    const more = matches.filter((match) => !known.has(keyOf(match)))
    return { ...told, matches: [...told.matches, ...more] }
  }
  // The basic rules are too few for it to be felt.
  warm((context) => evaluate(context, decodeRequest(context)))
  const ourIds = new Set(ours.map(({ id }) => id))
  return { rules, problems, evaluate, setOf: (id) => (ourIds.has(id) ? 'ours' : 'theirs') }
}

/** A rule may be told twice: where it counts, and where it is excepted. */
const keyOf = ({ id, where }: RuleMatch) => `${id} ${where}`

/** A rule of theirs with the number of one of ours takes its place. */
function removing(texts: readonly RuleText[]): RuleText {
  const ids = texts.flatMap(({ text }) => [...text.matchAll(/\bid\s*:\s*'?(7000\d{3})\b/g)].map(([, id]) => id))
  return { path: 'replaced basic rules', text: ids.map((id) => `SecRuleRemoveById ${id}`).join('\n') }
}

function loaded(folder: string, texts: readonly RuleText[], files: DataFiles): LoadedSecRules {
  try {
    return loadSecRules(texts, { files })
  } catch (cause) {
    if (cause instanceof SecLangError) throw unreadable(folder, cause.message, cause)
    throw cause
  }
}

/** A database of places, lists in DNS, a program to start. */
const asksOthers = ({ reason }: RuleProblem) => /^the operator @(?:geolookup|gsblookup|inspectfile|rbl)$/i.test(reason)

/** Reads the model of a folder, by plain calls too. One that is damaged or absent keeps nobody from judging. */
export function openRequestModel(folder?: string): OpenedModel {
  try {
    const { judge, sha256 } = openModel(folder)
    return { detector: detectByModel(judge), modelSha256: sha256, withoutModel: undefined }
  } catch (error) {
    return { detector: undefined, modelSha256: undefined, withoutModel: messageOf(error) }
  }
}

const load = createRequire(import.meta.url)

type Opened = { readonly injection: Injection | undefined; readonly withoutInjection: string | undefined }

/** The library is prebuilt, and not for every platform. */
function openInjection(): Opened {
  try {
    const { createInjection } = load('./injection.ts') as typeof import('./injection.ts')
    return { injection: createInjection(), withoutInjection: undefined }
  } catch (error) {
    return { injection: undefined, withoutInjection: messageOf(error) }
  }
}

type RuleFiles = { readonly texts: readonly RuleText[]; readonly files: ReadonlyMap<string, string> }

/** The setup first, as the core rule set wants it, then its rules by name; data files are for these. */
function readRules(folder: string): RuleFiles {
  try {
    const above = readdirSync(folder)
    const setup = ['crs-setup.conf', 'crs-setup.conf.example'].find((name) => above.includes(name))
    const dir = above.includes('rules') ? join(folder, 'rules') : folder
    const names = readdirSync(dir)
      .filter((name) => /\.(?:conf|data)$/.test(name) && name !== setup)
      .sort()
    if (names.length > seclangLimits.filesMax) throw unreadable(folder, `${names.length} files`)
    const files = new Map<string, string>()
    for (const name of names) files.set(name, readFileSync(join(dir, name), 'latin1'))
    const texts = [...files].flatMap(([path, text]) =>
      path.endsWith('.conf') ? [{ path: join(dir, path), text }] : [],
    )
    if (setup !== undefined) {
      const path = join(folder, setup)
      texts.unshift({ path, text: readFileSync(path, 'latin1') })
    }
    return { texts, files }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'REQUEST_RULES') throw cause
    throw unreadable(folder, messageOf(cause), cause)
  }
}

const unreadable = (folder: string, received: string, cause?: unknown) =>
  detectError('REQUEST_RULES', { attempted: `reading the rules of requests in ${folder}`, received, cause })
