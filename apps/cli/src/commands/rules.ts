// SPDX-License-Identifier: Apache-2.0

import type { Json } from '@sealwatch/base/json'
import type { ApiClient, Operations } from '@sealwatch/contract/api'
import { correlationIn, type Explanation, explainCorrelation, explainFalco, explainRule } from '@sealwatch/detect'
import { apiOptions, commandAt, withApi } from '../api.ts'
import { command, exit, flag, integer } from '../command.ts'
import { eventLeafOf } from '../entries/next-steps.ts'
import { cliError } from '../errors.ts'
import type { Io } from '../io.ts'
import { rulesInForce } from '../rules/backtest.ts'
import { renderCorrelation, renderExplanation, renderProblem } from '../rules/render-rules.ts'
import { readRules } from '../rules/rule-files.ts'
import { columns, counted, paint, safe, safeJson, toSecond } from '../terminal.ts'

type Page = Operations['listRules']['answer']
const daysMax = 90

export const rulesList = command({
  name: 'rules list',
  summary: 'The detection rules in force, what of them is not, and how often each fired',
  about: `FIRED counts alerts, EXCEPTED matches of which an exception made none, over the last days. A file that is wrong is told with its
line: where it was right before, what it said then is in force (docs/rules.md).`,
  options: {
    ...apiOptions,
    days: integer({ takes: 'N', help: 'Over which it is counted (default: 7)', min: 1, max: daysMax, absent: 7 }),
  },
  examples: ['sudo ./sealwatch rules list', 'sudo ./sealwatch rules list --tenant acme --days 30 --json'],
  run: async ({ days, ...at }, _operands, { io, place, json }) => {
    const page = await withApi({ ...at, io, place }, 'listing rules', (api) => allRules(api, days))
    if (json) io.out(`${safeJson(page)}\n`)
    else io.out(renderList(page, io))
    if (!json)
      io.err(
        paint(
          io,
          'dim',
          `${counted(page.items.length, 'rule')} in force since ${toSecond(page.since)}, digest ${page.digest}\n`,
        ),
      )
    return exit.ok
  },
})

async function allRules(api: ApiClient, days: number): Promise<Omit<Page, 'next' | 'others'>> {
  const items: Page['items'][number][] = []
  for (let cursor: string | undefined; ; ) {
    const {
      next,
      others: _,
      ...page
    } = await api.call('listRules', { query: { limit: 500, days, ...(cursor && { cursor }) } })
    items.push(...page.items)
    if (next === null) return { ...page, items }
    cursor = next
  }
}

/** The id of a rule of Falco has its title: it is not said again, by its notices neither. */
function titleOf({ rule_id, title, notices }: Page['items'][number], io: Io): string {
  const isSaid = rule_id === `falco:${title}`
  const told = notices.map((text) => (isSaid && text.startsWith(`${title} `) ? text.slice(title.length + 1) : text))
  return [isSaid ? '' : safe(title), told.length === 0 ? '' : paint(io, 'yellow', safe(told.join('; ')))]
    .filter((text) => text !== '')
    .join(' ')
}

function renderList({ items, wrong }: Pick<Page, 'items' | 'wrong'>, io: Io): string {
  const rows = items.map((row) => [
    row.rule_id,
    row.severity,
    row.tags.flatMap((tag) => /^(?:attack\.)?(t\d{4}.*)$/i.exec(tag)?.[1]?.toUpperCase() ?? []).join(' ') || '-',
    row.source === 'program' ? 'ours' : safe(row.path),
    String(row.fired),
    String(row.excepted),
    titleOf(row, io),
  ])
  const head = ['RULE', 'SEVERITY', 'ATT&CK', 'SOURCE', 'FIRED', 'EXCEPTED', 'TITLE']
  const faults = wrong.map((fault) => {
    const kept = fault.earlier_in_force ? 'as it was before' : 'left out'
    return `${paint(io, 'yellow', kept)}: ${renderProblem(fault, io)}`
  })
  return `${columns([head, ...rows])}${faults.length === 0 ? '' : `\n${faults.join('')}`}`
}

export const rulesExplain = command({
  name: 'rules explain',
  summary: 'What a rule looks for, as a tree; of an event, which of it holds and which does not',
  about: `The rule is one in force by its id, or one in a file. With --event each line of it has yes or no before it, and what the event has
there behind it; an alert, by its own place, is the event that it is about. A correlation is told with all that it is about. Personal values are commitments unless --reveal shows them, which is told in the ledger.`,
  operands: [{ name: 'ID|FILE', required: true }],
  options: {
    ...apiOptions,
    event: integer({
      takes: 'LEAF',
      help: 'An event or an alert, by its place in the ledger',
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      absent: -1,
    }),
    reveal: flag('With personal values, for whoever may see them'),
  },
  examples: [
    'sudo ./sealwatch rules explain 5b7a3a52-6f5c-4f0e-9a0e-0d2a8c3b1f01',
    './sealwatch rules explain mine.yml',
    'sudo ./sealwatch rules explain mine.yml --event 4711 --tenant acme',
  ],
  run: async ({ event: leaf, reveal, ...at }, [named = ''], { io, place, json }) => {
    const attempted = `explaining the rule ${named}`
    const isOfFalco = named.startsWith('falco:')
    const [inFile] = !isOfFalco && /[./]/.test(named) ? readRules([named]) : []
    const ask = async (api: ApiClient) => {
      const rule = inFile ?? (await api.call('getRule', { params: { rule_id: named } }))
      // What one of Falco says is said by all of its files together, and what a correlation is about stands in others.
      const isOfMany = isOfFalco || (inFile === undefined && correlationIn(rule, named) !== undefined)
      const files = isOfMany ? await rulesInForce(api) : [rule]
      const query = { reveal: reveal ? 'true' : 'false' } as const
      const eventAt = (at: number) => api.call('getEvent', { params: { leaf: at }, query })
      const found = leaf < 0 ? undefined : await eventAt(leaf)
      // Of an alert the event that it is about.
      const about = found?.source === 'server' ? eventLeafOf(found.line.event as Json | undefined) : undefined
      return { rule, files, found: about === undefined ? found : await eventAt(about) }
    }
    const { rule, files, found } =
      inFile !== undefined && leaf < 0
        ? { rule: inFile, files: [inFile], found: undefined }
        : await withApi({ ...at, io, place }, attempted, ask)
    const event = found?.line.event
    if (found !== undefined && typeof event?.type_uid !== 'number')
      throw cliError('CLI_USAGE', {
        attempted,
        received: `leaf ${leaf}, which is no event`,
        advice: `List events: ${commandAt({ ...at, place }, 'events')}`,
      })
    const subject = event && { event: event as { readonly type_uid: number }, side: found?.personal ?? {} }
    const id = inFile === undefined ? named : undefined
    const correlation = isOfFalco ? undefined : correlationIn(rule, id)
    if (correlation !== undefined) {
      const told = explainCorrelation(files, correlation, subject)
      io.out(json ? `${safeJson(told)}\n` : renderCorrelation(told, io))
      return exit.ok
    }
    const explanation: Explanation = isOfFalco ? explainFalco(files, subject, named) : explainRule(rule, subject, id)
    io.out(json ? `${safeJson(explanation)}\n` : renderExplanation(explanation, io))
    return exit.ok
  },
})
