// SPDX-License-Identifier: Apache-2.0

import { slugName } from '@sealwatch/contract'
import { command, exit, flag, form, integer } from '../command.ts'
import { type AlertGroup, createAlertGroups } from '../entries/alert-groups.ts'
import { filterOption } from '../entries/filter.ts'
import { printEntries } from '../entries/list.ts'
import { renderAgain, renderAlert } from '../entries/render.ts'
import { instant } from '../entries/since.ts'
import { cliError } from '../errors.ts'
import { paint } from '../terminal.ts'

export const tenantOption = form({
  takes: 'NAME',
  help: 'Tenant whose ledger is read (default: default)',
  form: slugName.form,
  mustBe: `a tenant name: ${slugName.words}`,
})

/** Whoever follows is told of what happens again the 2nd, the 4th, the 8th time, and so on. */
const isTold = (times: number) => Number.isInteger(Math.log2(times))

export const alerts = command({
  name: 'alerts',
  summary: 'List what the detection rules found, oldest first',
  about:
    'Those of the same rule, actor and object within ten minutes are shown as one, with how many there are. With --json each is one OCSF\nDetection Finding (class 2004) a line.',
  options: {
    follow: flag('Go on with what comes', 'f'),
    since: instant('Only alerts from then on'),
    filter: filterOption,
    limit: integer({
      takes: 'N',
      help: 'Only the newest N of those that are there (default: all)',
      min: 1,
      max: 10_000,
      absent: 0,
    }),
    tenant: tenantOption,
  },
  examples: [
    'sudo ./sealwatch alerts',
    'sudo ./sealwatch alerts --limit 3',
    'sudo ./sealwatch alerts --follow --since 1h',
    'sudo ./sealwatch alerts --json | jq .finding_info.title',
  ],
  run: async ({ follow, since, filter, limit, tenant }, _operands, context) => {
    const { io, json, place } = context
    const attempted = 'listing alerts'
    if (follow && limit > 0)
      throw cliError('CLI_USAGE', {
        attempted,
        received: '--limit and --follow',
        advice: 'Give one of them: what is followed has no end to count back from; --since says where it begins',
      })
    const groups = createAlertGroups()
    const whole = (group: AlertGroup) => `${renderAlert(group, io, place)}\n`
    const request = { follow, since: since?.(io.clock.nowMs()) ?? '', filter, tenant: tenant ?? '' }
    const printed = await printEntries(context, {
      attempted,
      follow,
      call: (admin, signal) => admin.listAlerts(request, { signal }),
      newest: limit,
      render: (entry) => {
        const { group, closed } = groups.take(entry)
        if (!follow) return closed.map(whole)
        if (group.times === 1) return [whole(group)]
        return isTold(group.times) ? [renderAgain(group, io)] : []
      },
      rest: () => (follow ? [] : groups.rest().map(whole)),
    })
    if (printed === 0 && !json && !follow) io.out(paint(io, 'dim', 'No alerts.\n'))
    return exit.ok
  },
})
