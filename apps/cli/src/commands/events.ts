// SPDX-License-Identifier: Apache-2.0

import { type EventClass, eventClasses } from '@sealwatch/contract'
import { command, exit, flag, integer, type Option } from '../command.ts'
import { filterOption } from '../entries/filter.ts'
import { printEntries } from '../entries/list.ts'
import { renderEvent } from '../entries/render.ts'
import { instant } from '../entries/since.ts'
import { paint } from '../terminal.ts'
import { tenantOption } from './alerts.ts'

const classNames = Object.keys(eventClasses) as EventClass[]
const defaultAgeMs = 600_000

const classes: Option<readonly number[]> = {
  takes: 'CLASS,…',
  help: `Only these: ${classNames.join(', ')}; what nobody saw, and why, is log`,
  absent: [],
  read: (text) => {
    const names = text.split(',')
    const known = names.filter((name): name is EventClass => Object.hasOwn(eventClasses, name))
    return known.length === names.length
      ? { value: known.map((name) => eventClasses[name].uid) }
      : { mustBe: `one or more of ${classNames.join(', ')}, with commas between` }
  },
}

const livesHint =
  'The lives of agents and sensors are told in the tenant cluster (--tenant cluster); what nobody saw, and why: --class log.\n'

export const events = command({
  name: 'events',
  summary: 'List the events of the ledger, oldest first',
  about:
    'Without --since: the last ten minutes, or with --follow what comes from now on. With --json one OCSF event a line.',
  options: {
    follow: flag('Go on with what comes', 'f'),
    since: instant('Only events from then on'),
    until: instant('Only events before then'),
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
    const request = {
      follow,
      since: from,
      until: until?.(nowMs) ?? '',
      classUids: [...classUids],
      filter,
      limit,
      tenant: tenant ?? '',
    }
    const printed = await printEntries(context, {
      attempted: 'listing events',
      follow,
      call: (admin, signal) => admin.listEvents(request, { signal }),
      render: (entry) => [renderEvent(entry, io)],
    })
    if (printed === 0 && !json && !follow) {
      io.out(paint(io, 'dim', `No events since ${from}.\n`))
      const isOfLives = classUids.length === 1 && classUids[0] === eventClasses.lifecycle.uid
      if (isOfLives && tenant !== 'cluster') io.out(paint(io, 'dim', livesHint))
    }
    return exit.ok
  },
})
