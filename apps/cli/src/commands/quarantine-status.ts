// SPDX-License-Identifier: Apache-2.0

import type { ApiClient, Operations } from '@sealwatch/contract/api'
import { apiOptions, withApi } from '../api.ts'
import { command, exit } from '../command.ts'
import { filterOf, filterOptions } from '../quarantine/filter.ts'
import { columns, counted, safe, safeJson, toSecond } from '../terminal.ts'

type Picture = Operations['getQuarantinePicture']['answer']
type Reason = keyof Picture['rows']
type Query = NonNullable<Operations['getQuarantinePicture']['query']>
type OfReason = { readonly reason: Reason; readonly picture: Picture }

/** Reason by reason, so that each key and producer stands beside the reason it is there for. */
async function picturesOf(api: ApiClient, query: Query): Promise<OfReason[]> {
  const { rows } = await api.call('getQuarantineWaiting')
  const reasons = (Object.keys(rows) as Reason[]).filter(
    (reason) => rows[reason] > 0 && (query.reason === undefined || query.reason === reason),
  )
  const told: OfReason[] = []
  for (const reason of reasons) {
    const picture = await api.call('getQuarantinePicture', { query: { ...query, reason } })
    if (picture.items > 0) told.push({ reason, picture })
  }
  return told
}

/** First and last of them, as far as the buckets tell. */
const spanOf = ({ buckets }: Picture) => ({ first: buckets[0]?.at ?? null, last: buckets.at(-1)?.at ?? null })

function namesOf({ reason, picture }: OfReason, of: 'keys' | 'producers', unnamed: string): string[][] {
  const { groups, others } = picture[of]
  const rows = groups.map(({ name, items, rows }) => [
    reason,
    safe(name ?? unnamed),
    String(items),
    String(rows[reason]),
  ])
  if (others.names > 0)
    rows.push([reason, `(${counted(others.names, 'other')})`, String(others.items), String(others.rows[reason])])
  return rows
}

function textOf(told: readonly OfReason[]): string {
  const sum = (of: (one: OfReason) => number) => told.reduce((all, one) => all + of(one), 0)
  const rows = sum(({ reason, picture }) => picture.rows[reason])
  const seconds = Math.max(...told.map(({ picture }) => picture.bucket_seconds))
  const at = (time: string | null) => (time === null ? '-' : toSecond(time))
  return [
    columns([
      ['REASON', 'ITEMS', 'ROWS', 'FIRST', 'LAST'],
      ...told.map(({ reason, picture }) => {
        const { first, last } = spanOf(picture)
        return [reason, String(picture.items), String(picture.rows[reason]), at(first), at(last)]
      }),
    ]),
    columns([['REASON', 'KEY', 'ITEMS', 'ROWS'], ...told.flatMap((one) => namesOf(one, 'keys', '(names none)'))]),
    columns([['REASON', 'PRODUCER', 'ITEMS', 'ROWS'], ...told.flatMap((one) => namesOf(one, 'producers', '-'))]),
    `${counted(
      sum(({ picture }) => picture.items),
      'item',
    )}, ${counted(rows, 'row')}; times are to within ${seconds} s.\n`,
  ].join('\n')
}

export const quarantineStatus = command({
  name: 'quarantine status',
  summary: 'What waits, added up: by reason, key and producer',
  about: 'However much it is. FIRST and LAST are the beginnings of the spans of time in which something came.',
  options: { ...apiOptions, ...filterOptions },
  examples: [
    'sudo ./sealwatch quarantine status --tenant acme',
    'sudo ./sealwatch quarantine status --since 1d --json',
  ],
  run: async ({ server, tenant, ...filter }, _operands, { io, place, json }) => {
    const query = filterOf(filter, io.clock.nowMs())
    const told = await withApi({ io, place, server, tenant }, 'adding up the quarantine', (api) =>
      picturesOf(api, query),
    )
    if (json)
      io.out(
        `${safeJson({
          reasons: told.map(({ reason, picture }) => {
            const { items, rows, keys, producers, bucket_seconds } = picture
            return { reason, items, rows: rows[reason], ...spanOf(picture), bucket_seconds, keys, producers }
          }),
        })}\n`,
      )
    else io.out(told.length === 0 ? 'Nothing waits in quarantine.\n' : textOf(told))
    return exit.ok
  },
})
