// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import type { Io } from '../io.ts'
import { counted, paint, safe, toSecond } from '../terminal.ts'

type Report = Operations['dryRunPolicy']['answer']
type Row = Report['rules'][number]

/** What a policy would have done, rule by rule, with the first few times. */
export function renderReport({ days, from, to, events, rules, notices }: Report, io: Io): string {
  const head = `Over ${counted(days, 'day')}, ${toSecond(from)} to ${toSecond(to)}: ${counted(events, 'event')}\n`
  const width = Math.max(...rules.map(({ rule }) => nameOf(rule).length), 0)
  const body = rules.map((row) => renderRow(row, width, io)).join('')
  return head + body + notices.map((notice) => `${paint(io, 'yellow', safe(notice, 1000))}\n`).join('')
}

const nameOf = (rule: string | null) => rule ?? '(default)'

function renderRow(row: Row, width: number, io: Io): string {
  const { rule, fired, held, undecided, effects, examples, unclear } = row
  const name = paint(io, 'bold', safe(nameOf(rule)).padEnd(width))
  const isOpen = fired === 0 && undecided > 0
  const told = isOpen
    ? `could not be decided ${counted(undecided, 'time')}`
    : fired === 0
      ? 'would not have fired'
      : `would have fired ${counted(fired, 'time')}`
  const more = [
    ...Object.entries(effects).map(([effect, count]) => `${effect} ${count}`),
    ...(held > 0 ? [`held back ${held}`] : []),
    ...(undecided > 0 && !isOpen ? [`undecided ${undecided}`] : []),
  ]
  const line = `  ${name}  ${paint(io, fired > 0 ? 'red' : isOpen ? 'yellow' : 'dim', told)}${more.length > 0 ? paint(io, 'dim', `  (${safe(more.join(', '))})`) : ''}\n`
  return line + [...examples, ...unclear].map((example) => renderExample(example, io)).join('')
}

function renderExample({ leaf_index, time, host, what, why }: Row['examples'][number], io: Io): string {
  const head = `      ${toSecond(time)}  ${safe(host)}  ${safe(what)}  ${paint(io, 'dim', `leaf ${leaf_index}`)}\n`
  return `${head}${why.map((each) => paint(io, 'dim', `        ${safe(each)}\n`)).join('')}`
}
