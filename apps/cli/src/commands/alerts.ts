// SPDX-License-Identifier: Apache-2.0

import { slugName } from '@sealwatch/contract'
import { command, exit, flag, form } from '../command.ts'
import { filterOption } from '../entries/filter.ts'
import { printEntries } from '../entries/list.ts'
import { renderAlert } from '../entries/render.ts'
import { instant } from '../entries/since.ts'
import { paint } from '../terminal.ts'

export const tenantOption = form({
  takes: 'NAME',
  help: 'Tenant whose ledger is read (default: default)',
  form: slugName.form,
  mustBe: `a tenant name: ${slugName.words}`,
})

export const alerts = command({
  name: 'alerts',
  summary: 'List what the detection rules found, oldest first',
  about: 'With --json one OCSF Detection Finding (class 2004) a line.',
  options: {
    follow: flag('Go on with what comes', 'f'),
    since: instant('Only alerts from then on'),
    filter: filterOption,
    tenant: tenantOption,
  },
  examples: [
    'sudo ./sealwatch alerts',
    'sudo ./sealwatch alerts --follow --since 1h',
    'sudo ./sealwatch alerts --json | jq .finding_info.title',
  ],
  run: async ({ follow, since, filter, tenant }, _operands, context) => {
    const { io, json, place } = context
    const request = { follow, since: since?.(io.clock.nowMs()) ?? '', filter, tenant: tenant ?? '' }
    const printed = await printEntries(context, {
      attempted: 'listing alerts',
      follow,
      call: (admin, signal) => admin.listAlerts(request, { signal }),
      render: (entry) => `${renderAlert(entry, io, place)}\n`,
    })
    if (printed === 0 && !json && !follow) io.out(paint(io, 'dim', 'No alerts.\n'))
    return exit.ok
  },
})
