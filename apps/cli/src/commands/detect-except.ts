// SPDX-License-Identifier: Apache-2.0

import { type DetectorName, detectorNames } from '@sealwatch/detect/verdict'
import { apiOptions, commandAt, withApi } from '../api.ts'
import { command, exit, form, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { columns, paint, safe, safeJson, toSecond } from '../terminal.ts'
import { because, becauseOf, laterThan } from './until.ts'

export const detectExceptList = command({
  name: 'detect except list',
  summary: 'What does not count against requests, where, until when, and whose word that is',
  options: apiOptions,
  examples: ['sudo ./sealwatch detect except list --tenant acme'],
  run: async (at, _operands, { io, place, json }) => {
    const { items } = await withApi({ ...at, io, place }, 'listing exceptions', (api) =>
      api.call('listThreatExceptions'),
    )
    if (json) {
      io.out(`${safeJson({ items })}\n`)
      return exit.ok
    }
    const rows = items.map((row) => [
      row.exception_id,
      row.id === null ? row.detector : `${row.detector}:${safe(row.id)}`,
      safe(`${row.method === null ? '' : `${row.method} `}${row.route}`),
      safe(row.where ?? 'wherever'),
      row.state === 'ending' ? paint(io, 'yellow', `${toSecond(row.expires_at)} (soon)`) : toSecond(row.expires_at),
      safe(row.owner),
      `${row.excepted} since ${toSecond(row.excepted_since)}`,
      safe(row.reason),
    ])
    if (rows.length > 0)
      io.out(columns([['EXCEPTION', 'FROM', 'ROUTE', 'WHERE', 'UNTIL', 'OWNER', 'EXCEPTED', 'BECAUSE'], ...rows]))
    else io.err('There is none. Make one: ./sealwatch detect except add --help\n')
    return exit.ok
  },
})

export const detectExceptAdd = command({
  name: 'detect except add',
  summary: 'Have what a rule or a detector says of a route not count, until a moment',
  about: `WHAT is what a verdict names as detector and id of a reason, as rules:942100 or signals:double-encoded; a detector alone is all that it says.
A route is the service's own name for what is called, where it tells one, else the path; * stands for one segment or a part of it, ** for any
number of them. A path that two programs may read as two (.., //, encoded slashes) is of no route that is excepted. The verdict says what
did not count. It ends by itself, after at most 90 days, and three days before that the ledger tells of it.`,
  operands: [{ name: 'WHAT', required: true }],
  options: {
    ...apiOptions,
    route: text({ takes: 'PATTERN', help: 'As /search, /users/:id or /blog/**; /** is any', required: true }),
    method: form({ takes: 'METHOD', help: 'As GET (default: any)', form: /^[A-Z]{1,32}$/, mustBe: 'a method, as GET' }),
    where: text({ takes: 'PATTERN', help: 'The place in the request, as ARGS_GET:q (default: wherever)' }),
    until: laterThan('90 days at most'),
    because,
  },
  examples: [
    "sudo ./sealwatch detect except add rules:942100 --route /search --where ARGS_GET:q --until 30d --because 'people search for SQL'",
  ],
  run: async ({ route, method, where, until, because: cause, ...at }, [what = ''], { io, place, json }) => {
    const attempted = 'making an exception'
    const usage = (advice: string) => cliError('CLI_USAGE', { attempted, advice })
    if (route === undefined) throw usage('Say where: --route /search; --route /** is any')
    if (until === undefined) throw usage('Say when it ends: --until 30d')
    const cut = what.indexOf(':')
    const name = cut < 0 ? what : what.slice(0, cut)
    const detector = detectorNames.find((one): one is DetectorName => one === name)
    if (detector === undefined) throw usage(`Begin with a detector, as rules:942100: ${detectorNames.join(', ')}`)
    const body = {
      detector,
      id: cut < 0 ? null : what.slice(cut + 1),
      method: method ?? null,
      route,
      where: where ?? null,
      reason: becauseOf(cause, attempted, 'people search for SQL'),
      expires_at: until(io.clock.nowMs()),
    }
    const made = await withApi({ ...at, io, place }, attempted, (api) => api.call('addThreatException', { body }))
    const { exception_id: id, expires_at: end } = made.exception
    io.out(
      json
        ? `${safeJson(made)}\n`
        : `${id} keeps ${safe(what)} from counting until ${toSecond(end)}. End it before: ${commandAt({ ...at, place }, `detect except remove ${id}`)}\n`,
    )
    return exit.ok
  },
})

export const detectExceptRemove = command({
  name: 'detect except remove',
  summary: 'Have count again what an exception kept from it',
  operands: [{ name: 'EXCEPTION', required: true }],
  options: apiOptions,
  examples: ['sudo ./sealwatch detect except remove exc_0123456789abcdef0123'],
  run: async (at, [exception_id = ''], { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, 'removing an exception', (api) =>
      api.call('removeThreatException', { params: { exception_id } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(exception_id)} is removed.\n`)
    return exit.ok
  },
})
