// SPDX-License-Identifier: Apache-2.0

import { apiOptions, withApi } from '../api.ts'
import { command, exit, integer } from '../command.ts'
import {
  aimOf,
  lengthOf,
  renderIncident,
  responsesOf,
  severityOf,
  stateOf,
  wayOf,
  whoOf,
} from '../incident/render-incident.ts'
import { columns, safe, safeJson, toSecond } from '../terminal.ts'

const shownMax = 100

export const incidentList = command({
  name: 'incident list',
  summary: 'What guards made of attempts upon protected processes, newest first',
  about: `One attempt in one session, by whoever takes part in it, is one incident, however much they do. OPEN is one whose actors are at it; not heard of is one of which nobody
said that it is over. LASTED is from its first act to its newest.`,
  options: {
    ...apiOptions,
    limit: integer({ takes: 'N', help: 'At most so many (default: 20)', min: 1, max: shownMax, absent: 20 }),
  },
  examples: [
    'sudo ./sealwatch incident list',
    "sudo ./sealwatch incident list --json | jq '.items[] | .incident, .state'",
  ],
  run: async ({ limit, ...at }, _operands, { io, place, json }) => {
    const { items } = await withApi({ ...at, io, place }, 'listing incidents', (api) =>
      api.call('listIncidents', { query: { limit } }),
    )
    if (json) io.out(`${safeJson({ items })}\n`)
    else if (items.length > 0)
      io.out(
        columns([
          ['INCIDENT', 'STATE', 'SEVERITY', 'OPENED', 'LASTED', 'HOST', 'FOR', 'BY', 'WAY', 'RESPONSES'],
          ...items.map((incident) => [
            safe(incident.incident),
            stateOf(incident, io),
            severityOf(incident, io),
            toSecond(incident.opened),
            lengthOf(incident),
            safe(incident.host?.name ?? '?', 40),
            aimOf(incident),
            whoOf(incident),
            wayOf(incident.way),
            responsesOf(incident),
          ]),
        ]),
      )
    else io.err('There is none.\n')
    return exit.ok
  },
})

export const incidentShow = command({
  name: 'incident show',
  summary: 'An incident: who, from where, what was reached and for how long, what was done about it, and its proof',
  about: 'ID is as `incident list` and alerts show it. Times are of the clock of the host, in UTC.',
  operands: [{ name: 'ID', required: true }],
  options: apiOptions,
  examples: [
    'sudo ./sealwatch incident show inc_0123456789abcdef',
    'sudo ./sealwatch incident show inc_0123456789abcdef --json | jq .timeline',
  ],
  run: async (at, [incident = ''], { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, `reading the incident ${incident}`, (api) =>
      api.call('getIncident', { params: { incident } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : renderIncident(answer, io, place))
    return exit.ok
  },
})
