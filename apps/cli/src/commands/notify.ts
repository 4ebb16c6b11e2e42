// SPDX-License-Identifier: Apache-2.0

import { apiOptions, withApi } from '../api.ts'
import { command, exit, text } from '../command.ts'
import { cliError } from '../errors.ts'
import { columns, safe, safeJson, toSecond } from '../terminal.ts'

const severities = ['informational', 'low', 'medium', 'high', 'critical'] as const
const channel = [{ name: 'CHANNEL', required: true }] as const

export const notifyList = command({
  name: 'notify list',
  summary: 'Who is told at once of alerts, and whether they can be',
  about: 'LAST TAKEN is the last message of an alert that was taken; a test does not count.',
  options: apiOptions,
  examples: ['sudo ./sealwatch notify list --tenant acme'],
  run: async (at, _operands, { io, place, json }) => {
    const attempted = 'listing notification channels'
    const { items } = await withApi({ ...at, io, place }, attempted, (api) => api.call('listNotificationChannels'))
    if (json) io.out(`${safeJson({ items })}\n`)
    else
      io.out(
        columns([
          ['CHANNEL', 'NAME', 'TO', 'FROM', 'WAITING', 'GIVEN UP', 'LAST TAKEN', 'STATE'],
          ...items.map((row) => [
            row.channel_id,
            safe(row.name),
            safe(row.kind === 'webhook' ? new URL(row.target).origin : row.target),
            row.least_severity,
            String(row.waiting),
            String(row.given_up),
            row.last?.taken === true ? toSecond(row.last.time) : '-',
            row.failing_since === null ? 'well' : `fails since ${toSecond(row.failing_since)}: ${safe(row.problem)}`,
          ]),
        ]),
      )
    return exit.ok
  },
})

export const notifyAdd = command({
  name: 'notify add',
  summary: 'Have alerts told at once to a webhook, or by e-mail',
  about: `WHERE is an https URL, mailto:ADDRESS, or admins: by e-mail to whoever is an admin of the tenant then. What a webhook is sent is
signed as standardwebhooks.com says, with a secret that is shown once. In the tenant cluster a channel hears of every tenant,
elsewhere of its own alone. A message names code, severity, host, incident and time, and has a link; no person.`,
  operands: [
    { name: 'NAME', required: true },
    { name: 'WHERE', required: true },
  ],
  options: {
    ...apiOptions,
    from: text({ takes: 'SEVERITY', help: 'What is less grave is not told (default: medium)' }),
  },
  examples: [
    'sudo ./sealwatch notify add pager https://alerts.example.com/sealwatch --tenant acme --from high',
    'sudo ./sealwatch notify add mail admins --tenant acme',
  ],
  run: async ({ from = 'medium', ...at }, [name = '', target = ''], { io, place, json }) => {
    const attempted = 'adding a notification channel'
    const least_severity = severities.find((one) => one === from)
    if (least_severity === undefined)
      throw cliError('CLI_USAGE', { attempted, received: from, advice: `Name one of ${severities.join(', ')}` })
    const made = await withApi({ ...at, io, place }, attempted, (api) =>
      api.call('createNotificationChannel', { body: { name, target, least_severity } }),
    )
    if (json) io.out(`${safeJson(made)}\n`)
    else if (made.secret !== '') io.out(`${safe(made.secret)}\n`)
    const shown = made.secret === '' ? 'Added.' : 'Shown this once.'
    if (!json) io.err(`${shown} Try it: ./sealwatch notify test ${safe(made.channel.channel_id)}\n`)
    return exit.ok
  },
})

export const notifyRotate = command({
  name: 'notify rotate',
  summary: 'Give a webhook another secret; the one before signs for a day, too',
  operands: channel,
  options: apiOptions,
  examples: ['sudo ./sealwatch notify rotate ntf_0123456789abcdef0123'],
  run: async (at, [channel_id = ''], { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, 'rotating the secret of a notification channel', (api) =>
      api.call('rotateNotificationSecret', { params: { channel_id } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(answer.secret)}\n`)
    if (!json) io.err(`Shown this once. Until ${toSecond(answer.old_secret_until)} messages have both signatures.\n`)
    return exit.ok
  },
})

export const notifyTest = command({
  name: 'notify test',
  summary: 'Send a channel a message that says it is a test',
  operands: channel,
  options: apiOptions,
  examples: ['sudo ./sealwatch notify test ntf_0123456789abcdef0123'],
  run: async (at, [channel_id = ''], { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, 'testing a notification channel', (api) =>
      api.call('testNotificationChannel', { params: { channel_id } }),
    )
    if (json) io.out(`${safeJson(answer)}\n`)
    else
      io.out(
        answer.taken
          ? `${safe(channel_id)} took it.\n`
          : `${safe(channel_id)} did not take it: ${safe(answer.problem)}\n`,
      )
    return answer.taken ? exit.ok : exit.finding
  },
})

export const notifyRemove = command({
  name: 'notify remove',
  summary: 'Tell a channel nothing more, and drop what waits for it',
  operands: channel,
  options: apiOptions,
  examples: ['sudo ./sealwatch notify remove ntf_0123456789abcdef0123'],
  run: async (at, [channel_id = ''], { io, place, json }) => {
    const answer = await withApi({ ...at, io, place }, 'removing a notification channel', (api) =>
      api.call('removeNotificationChannel', { params: { channel_id } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(channel_id)} is removed.\n`)
    return exit.ok
  },
})
