// SPDX-License-Identifier: Apache-2.0

import { eventClasses } from '@sealwatch/contract'
import { classNamed, classWords } from '@sealwatch/contract/filter'
import { command, exit, flag, integer, type Option } from '../command.ts'
import { filterOption } from '../entries/filter.ts'
import { printEntries } from '../entries/list.ts'
import { renderEvent } from '../entries/render.ts'
import { instant } from '../entries/since.ts'
import { paint } from '../terminal.ts'
import { tenantOption } from './alerts.ts'

const defaultAgeMs = 600_000

const classes: Option<readonly number[]> = {
  takes: 'CLASS,…',
  help: `Only these: ${classWords.join(', ')}; what nobody saw, and why, is log`,
  absent: [],
  read: (text) => {
    const uids = text.split(',').map(classNamed)
    return uids.every((uid) => uid !== undefined)
      ? { value: uids }
      : { mustBe: `one or more of ${classWords.join(', ')}, with commas between` }
  },
}

const livesHint =
  'The lives of agents and sensors are told in the tenant cluster (--tenant cluster); what nobody saw, and why: --class log.\n'

export const events = command({
  name: 'events',
  summary: 'List the events of the ledger, oldest first',
  about: `Without --since: the last ten minutes, or with --follow what comes from now on. --since and --until take what happened then by its host's
clock, and what came in then by the server's: of one that says another time it stands there that it came in later, or earlier. With
--json one OCSF event a line.`,
  options: {
    follow: flag('Go on with what comes', 'f'),
    since: instant('Only what happened or came in from then on'),
    until: instant('Only what happened or came in before then'),
    class: classes,
    filter: filterOption,
    limit: integer({ takes: 'N', help: 'At most so many (default: no limit)', min: 1, max: 1_000_000, absent: 0 }),
    tenant: tenantOption,
  },
  examples: [
    'sudo ./sealwatch events --since 2m',
    'sudo ./sealwatch events --class file,memory --follow --json',
    "sudo ./sealwatch events --since 1d --filter 'severity>=medium and not host=build-7'",
  ],
  run: async ({ follow, since, until, class: classUids, filter, limit, tenant }, _operands, context) => {
    const { io, json } = context
    const nowMs = io.clock.nowMs()
    const from = since?.(nowMs) ?? new Date(nowMs - (follow ? 0 : defaultAgeMs)).toISOString()
    const to = until?.(nowMs) ?? ''
    const span = { sinceMs: Date.parse(from), untilMs: to === '' ? Number.POSITIVE_INFINITY : Date.parse(to) }
    const request = {
      follow,
      since: from,
      until: to,
      classUids: [...classUids],
      filter,
      limit,
      tenant: tenant ?? '',
    }
    const printed = await printEntries(context, {
      attempted: 'listing events',
      follow,
      call: (admin, signal) => admin.listEvents(request, { signal }),
      render: (entry) => [renderEvent(entry, io, span)],
    })
    if (printed === 0 && !json && !follow) {
      io.out(paint(io, 'dim', `No events since ${from}.\n`))
      const isOfLives = classUids.length === 1 && classUids[0] === eventClasses.lifecycle.uid
      if (isOfLives && tenant !== 'cluster') io.out(paint(io, 'dim', livesHint))
    }
    return exit.ok
  },
})
