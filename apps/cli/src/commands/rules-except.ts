// SPDX-License-Identifier: Apache-2.0

import { parse as parseYaml, YAMLError } from 'yaml'
import { apiOptions, commandAt, withApi } from '../api.ts'
import { command, exit, flag, form, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { readable } from '../rules/rule-files.ts'
import { readSmallFile } from '../small-file.ts'
import { columns, paint, safe, safeJson, toSecond } from '../terminal.ts'
import { because, becauseOf, laterThan } from './until.ts'

const selectionBytesMax = 64 * 1024

export const rulesExceptList = command({
  name: 'rules except list',
  summary: 'Of which matches of rules no alert is made, until when, and whose word that is',
  options: apiOptions,
  examples: ['sudo ./sealwatch rules except list --tenant acme'],
  run: async (at, _operands, { io, place, json }) => {
    const { items } = await withApi({ ...at, io, place }, 'listing exceptions', (api) => api.call('listRuleExceptions'))
    if (json) {
      io.out(`${safeJson({ items })}\n`)
      return exit.ok
    }
    const rows = items.map((row) => [
      row.exception_id,
      safe(row.rule_id ?? row.tag ?? ''),
      row.state === 'ending' ? paint(io, 'yellow', `${toSecond(row.expires_at)} (soon)`) : toSecond(row.expires_at),
      safe(row.owner),
      `${row.excepted} since ${toSecond(row.excepted_since)}`,
      safe(row.selection === null ? 'whatever the event' : JSON.stringify(row.selection), 120),
      safe(row.reason),
    ])
    if (rows.length > 0)
      io.out(columns([['EXCEPTION', 'FROM', 'UNTIL', 'OWNER', 'EXCEPTED', 'WHERE', 'BECAUSE'], ...rows]))
    else io.err('There is none. Make one: ./sealwatch rules except add --help\n')
    return exit.ok
  },
})

export const rulesExceptAdd = command({
  name: 'rules except add',
  summary: 'Have no alert made of some matches of a rule, until a moment',
  about: `The selection is in Sigma's form, on the fields of the rule's log source: it is given as YAML or JSON, or lies in a file. The match is counted
(rules list), and no alert is made of it. It ends by itself, after at most 90 days, and three days before that the ledger tells of it.
With --all no alert is made of the rule at all. With --tag in the place of RULE it is about all rules that have the tag.`,
  operands: [{ name: 'RULE', required: false }],
  options: {
    ...apiOptions,
    tag: form({
      takes: 'TAG',
      help: 'All rules with this tag, as attack.t1059',
      form: /^[\w.-]{1,128}$/,
      mustBe: 'a tag',
    }),
    where: text({ takes: 'SELECTION', help: 'As "Image: /usr/bin/backup", or {Image|endswith: /backup, UserId: 0}' }),
    file: text({ takes: 'FILE', help: 'The selection lies in a file' }),
    all: flag('Whatever the event'),
    until: laterThan('90 days at most'),
    because,
  },
  examples: [
    "sudo ./sealwatch rules except add 5b7a3a52-6f5c-4f0e-9a0e-0d2a8c3b1f01 --where 'Image: /usr/bin/backup' --until 30d --because 'the nightly backup'",
    "sudo ./sealwatch rules except add --tag attack.t1595 --all --until 8h --because 'a penetration test'",
  ],
  run: async ({ tag, where, file, all, until, because: cause, ...at }, [rule], { io, place, json }) => {
    const attempted = 'making an exception'
    const usage = (advice: string) => cliError('CLI_USAGE', { attempted, advice })
    if ((rule === undefined) === (tag === undefined))
      throw usage(`Name a rule (${commandAt({ ...at, place }, 'rules list')}), or give --tag TAG`)
    if ([where, file, all || undefined].filter((one) => one !== undefined).length !== 1)
      throw usage("Say of which events: --where 'Image: /usr/bin/backup', --file FILE, or --all")
    if (until === undefined) throw usage('Say when it ends: --until 30d')
    const reason = becauseOf(cause, attempted, 'the nightly backup')
    const given = file === undefined ? where : readable(file, () => readSmallFile(file, selectionBytesMax))
    const body = {
      ...(rule === undefined ? { tag: tag as string } : { rule_id: rule }),
      selection: given === undefined ? null : selectionIn(given, attempted),
      reason,
      expires_at: until(io.clock.nowMs()),
    }
    const made = await withApi({ ...at, io, place }, attempted, (api) => api.call('addRuleException', { body }))
    const { exception_id: id, expires_at: end } = made.exception
    io.out(
      json
        ? `${safeJson(made)}\n`
        : `${id} keeps ${safe(rule ?? tag ?? '')} quiet until ${toSecond(end)}. End it before: ${commandAt({ ...at, place }, `rules except remove ${id}`)}\n`,
    )
    return exit.ok
  },
})

function selectionIn(given: string, attempted: string): Record<string, unknown> {
  try {
    const value: unknown = parseYaml(given, { maxAliasCount: 0 })
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch (cause) {
    if (!(cause instanceof YAMLError) && !(cause instanceof ReferenceError)) throw cause
    throw cliError('CLI_USAGE', {
      attempted,
      received: cause.message,
      advice: 'Write YAML: --where "Image: /usr/bin/backup"',
    })
  }
  throw cliError('CLI_USAGE', {
    attempted,
    received: given,
    advice: 'Name fields and values: --where "Image: /usr/bin/backup"',
  })
}

export const rulesExceptRemove = command({
  name: 'rules except remove',
  summary: 'Have alerts made again of what an exception kept quiet',
  operands: [{ name: 'EXCEPTION', required: true }],
  options: apiOptions,
  examples: ['sudo ./sealwatch rules except remove exc_0123456789abcdef0123'],
  run: async (at, [exception_id = ''], { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, 'removing an exception', (api) =>
      api.call('removeRuleException', { params: { exception_id } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(exception_id)} is removed.\n`)
    return exit.ok
  },
})
