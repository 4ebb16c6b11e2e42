// SPDX-License-Identifier: Apache-2.0

import type {
  ExplainedCondition,
  ExplainedCorrelation,
  ExplainedItem,
  Explanation,
  RuleHead,
  RuleProblem,
} from '@sealwatch/detect'
import type { Io } from '../io.ts'
import { counted, paint, safe, toSecond } from '../terminal.ts'
import type { RuleFirings } from './firings.ts'

export const problemJson = ({ path, line, error }: RuleProblem) => ({
  path,
  line,
  code: error.code,
  reason: error.received === undefined ? error.rule : `${error.rule}; received ${error.received}`,
  advice: error.advice,
})
export type ProblemJson = ReturnType<typeof problemJson>

/** As a compiler tells it, for editors to find the place. */
export const renderProblem = ({ path, line, code, reason, advice }: ProblemJson, io: Io): string =>
  `${safe(path)}:${line}: ${paint(io, 'red', code)}: ${safe(reason)}\n  ${safe(advice)}\n`

const hostsShown = 5

/** How often a rule would have fired, of which hosts, and the first few times; `place`: what the numbers of events are. */
export function renderFirings(rule: RuleHead, { fired, hosts, examples }: RuleFirings, place: string, io: Io): string {
  const shown = hosts.slice(0, hostsShown).map(({ host, fired: times }) => `${safe(host)} ${times}`)
  const more = hosts.length > hostsShown ? [`${hosts.length - hostsShown} more`] : []
  const head = `${paint(io, 'bold', safe(rule.title))}  ${paint(io, 'red', counted(fired, 'time'))}  ${[...shown, ...more].join(', ')}\n`
  const lines = examples.map(
    ({ at, time, host, message }) =>
      `    ${time === '' ? '' : `${toSecond(time)}  `}${safe(host)}  ${safe(message)}  ${paint(io, 'dim', `${place} ${at}`)}\n`,
  )
  return head + lines.join('')
}

const valuesShown = 8

/** What a rule looks for, as a tree; where an event was given, what of it holds stands before each line, and what it has behind. */
export function renderExplanation(explanation: Explanation, io: Io): string {
  const { id, title, severity, logsource, selections, conditions, isConcerned, fires } = explanation
  const source = Object.entries(logsource).map(([name, value]) => `${name} ${safe(value)}`)
  const groupsOf = new Map(selections.map(({ name, groups }) => [name, groups]))
  const mark = (holds: boolean | undefined) => (fires === undefined ? '' : markOf(holds, io))

  function lines(node: ExplainedCondition, depth: number): string[] {
    const head = `${mark(node.holds)}${'  '.repeat(depth)}`
    if (node.kind === 'not') return [`${head}not`, ...lines(node.of, depth + 1)]
    if (node.kind === 'check') {
      const within = node.within === 'condition' ? '' : paint(io, 'dim', `   ${safe(node.within)}`)
      return [`${head}${itemText(node.item, io)}${within}`]
    }
    if (node.kind !== 'selection')
      return [
        `${head}${node.kind === 'and' ? 'all of' : 'any of'}`,
        ...node.of.flatMap((inner) => lines(inner, depth + 1)),
      ]
    const groups = groupsOf.get(node.name) ?? []
    const items = groups.flatMap((group, i) => [
      ...(i === 0
        ? []
        : [`${mark(undefined) === '' ? '' : '     '}${'  '.repeat(depth + 1)}${paint(io, 'dim', 'or')}`]),
      ...group.map((item) => `${mark(item.holds)}${'  '.repeat(depth + 1)}${itemText(item, io)}`),
    ])
    return [`${head}${paint(io, 'bold', safe(node.name))}`, ...items]
  }

  const verdict =
    fires === undefined
      ? []
      : isConcerned === false
        ? ['', 'It does not look at events of this type.']
        : ['', fires ? 'It fires for this event.' : 'It does not fire for this event.']
  return `${[
    `${paint(io, 'bold', safe(title))}  ${severity}`,
    paint(io, 'dim', `${id}  ${source.join(', ')}`),
    ...conditions.flatMap(({ text, condition }) => ['', paint(io, 'dim', safe(text)), ...lines(condition, 0)]),
    ...verdict,
  ].join('\n')}\n`
}

/** What comes together, and below it, set in, each of what it is about. */
export function renderCorrelation(correlation: ExplainedCorrelation, io: Io): string {
  const { id, title, severity, kind, timespan, groupBy, condition, silences, of } = correlation
  const bounds = Object.entries((condition ?? {}) as object).map(([name, value]) => `${name} ${value}`)
  const asks = bounds.length === 0 ? 'each of them' : bounds.join(', ')
  const one = groupBy.length === 0 ? 'of the tenant' : `of one ${groupBy.join(', ')}`
  const inner = of.map((each) => ('of' in each ? renderCorrelation(each, io) : renderExplanation(each, io)))
  return `${[
    `${paint(io, 'bold', safe(title))}  ${severity}`,
    paint(io, 'dim', id),
    '',
    safe(`${kind} within ${timespan} ${one}: ${asks}`),
    silences ? 'What it is about makes no alert of its own:' : 'What it is about makes alerts of its own, too:',
    '',
    inner.map(setIn).join('\n'),
  ].join('\n')}`
}

const setIn = (text: string) => text.replaceAll(/^(?=.)/gm, '    ')

function markOf(holds: boolean | undefined, io: Io): string {
  if (holds === undefined) return paint(io, 'yellow', '?    ')
  return holds ? paint(io, 'green', 'yes  ') : paint(io, 'red', 'no   ')
}

function itemText({ field, modifiers, values, found }: ExplainedItem, io: Io): string {
  const name = field === '' ? 'any text has' : [field, ...modifiers].join(' ')
  const shown = values.slice(0, valuesShown).map((value) => safe(String(value)))
  const more = values.length > valuesShown ? `, and ${values.length - valuesShown} more` : ''
  const has = found.map(({ attribute, value }) => `${attribute} is ${JSON.stringify(value)}`).join(', ')
  return `${safe(name)}: ${shown.join(', ')}${more}${has === '' ? '' : paint(io, 'cyan', `   ${safe(has)}`)}`
}
