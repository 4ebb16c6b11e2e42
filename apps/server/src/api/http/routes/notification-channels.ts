// SPDX-License-Identifier: Apache-2.0

import { type SeverityName, severities } from '@sealwatch/contract'
import { z } from 'zod'
import type { ChannelRecord, Channels } from '../../../notify/index.ts'
import { type Route, route } from '../route.ts'
import { recorded, recordedJson, time } from '../shapes.ts'

const tag = 'notifications'
const path = '/api/v1/notification-channels'
const least = z.enum(Object.keys(severities) as [SeverityName]).describe('Alerts less grave than this are not told')
const channel = z.object({
  channel_id: z.string(),
  kind: z.enum(['webhook', 'mail']),
  name: z.string(),
  target: z.string().describe('An https URL, mailto: and an address, or admins: whoever is an admin of the tenant'),
  least_severity: z.string(),
  created_at: time,
  created_by: z.string(),
  failing_since: time.nullable().describe('Since when it takes no messages'),
  problem: z.string().describe('Why it did not take the newest, or who of several did not; empty: it did'),
  waiting: z.number().int().describe('Messages that wait for it'),
  given_up: z
    .number()
    .int()
    .describe('Messages that it never took and nobody tries again, of the last 1,000 that ended'),
  last: z
    .object({ delivery_id: z.string(), taken: z.boolean(), time, tries: z.number().int(), problem: z.string() })
    .nullable()
    .describe('The message that ended last'),
  old_secret_until: time.nullable().describe('Until when the secret before signs, too'),
})
const channelId = z.object({ channel_id: z.string().regex(/^ntf_[0-9a-f]{20}$/) })

const channelJson = (row: ChannelRecord) => ({
  channel_id: row.channel,
  kind: row.kind,
  name: row.name,
  target: row.target,
  least_severity: row.least,
  created_at: row.created_at,
  created_by: row.created_by,
  failing_since: row.failing_since,
  problem: row.problem,
  waiting: row.owed,
  given_up: row.dead,
  last:
    row.last === undefined
      ? null
      : {
          delivery_id: `msg_${row.last.delivery}`,
          taken: row.last.state === 'sent',
          time: new Date(row.last.due_ms).toISOString(),
          tries: row.last.tries,
          problem: row.last.problem,
        },
  old_secret_until: row.old_until_ms === null ? null : new Date(row.old_until_ms).toISOString(),
})

export const channelRoutes = ({ channels }: { readonly channels: Channels }): Route[] => [
  route({
    method: 'GET',
    path,
    id: 'listNotificationChannels',
    summary: 'Who is told at once of alerts of the tenant; of cluster: of every tenant',
    tag,
    action: 'notification:read',
    answer: z.object({ items: z.array(channel) }),
    handle: async (by) => ({ items: (await channels.list(by)).map(channelJson) }),
  }),
  route({
    method: 'POST',
    path,
    id: 'createNotificationChannel',
    summary: 'Add a webhook, or mail; the secret by which a webhook proves our messages is shown this once',
    tag,
    action: 'notification:manage',
    body: z.strictObject({
      name: z.string().regex(/^[\x21-\x7e][\x20-\x7e]{0,63}$/),
      target: z.string().min(1).max(1024).describe('An https URL, mailto: and an address, or admins'),
      least_severity: least.default('medium'),
    }),
    answer: z.object({ secret: z.string().describe('Empty of mail'), channel, ledger: recorded }),
    status: 201,
    showsSecret: true,
    errors: ['CHANNEL_TARGET_UNFIT', 'CHANNELS_TOO_MANY', 'MAIL_NOT_SET'],
    handle: async (by, { body: { name, target, least_severity } }) => {
      const made = await channels.create(by, { name, target, least: least_severity })
      return { secret: made.secret, channel: channelJson(made.channel), ledger: recordedJson(made.recorded) }
    },
  }),
  route({
    method: 'POST',
    path: `${path}/{channel_id}/secret`,
    id: 'rotateNotificationSecret',
    summary: 'Give a webhook another secret, which is shown this once; the one before signs for a day, too',
    tag,
    action: 'notification:manage',
    params: channelId,
    answer: z.object({ secret: z.string(), old_secret_until: time, ledger: recorded }),
    showsSecret: true,
    errors: ['CHANNEL_UNKNOWN', 'CHANNEL_UNSIGNED'],
    handle: async (by, { params }) => {
      const { secret, untilMs, recorded: line } = await channels.rotate(by, params.channel_id)
      return { secret, old_secret_until: new Date(untilMs).toISOString(), ledger: recordedJson(line) }
    },
  }),
  route({
    method: 'POST',
    path: `${path}/{channel_id}/test`,
    id: 'testNotificationChannel',
    summary: 'Send a message that says it is a test, once and now',
    tag,
    action: 'notification:manage',
    params: channelId,
    answer: z.object({ taken: z.boolean(), problem: z.string(), ledger: recorded }),
    errors: ['CHANNEL_UNKNOWN', 'CHANNEL_TESTS_TOO_MANY'],
    handle: async (by, { params }) => {
      const { sent, recorded: line } = await channels.test(by, params.channel_id)
      return { taken: sent.ok, problem: sent.problem ?? '', ledger: recordedJson(line) }
    },
  }),
  route({
    method: 'DELETE',
    path: `${path}/{channel_id}`,
    id: 'removeNotificationChannel',
    summary: 'Tell a channel nothing more, and drop what waits for it',
    tag,
    action: 'notification:manage',
    params: channelId,
    answer: z.object({ ledger: recorded }),
    errors: ['CHANNEL_UNKNOWN'],
    handle: async (by, { params }) => ({ ledger: recordedJson(await channels.remove(by, params.channel_id)) }),
  }),
]
