// SPDX-License-Identifier: Apache-2.0

import type { Body } from '@sealwatch/ledger'
import { type Act, actEvent, type ServerVoice } from '../identity/index.ts'

/** A message that was sent, or that no one will send any more; and a channel that begins to fail. */
export type Outcome = 'notification_sent' | 'notification_given_up' | 'notification_channel_failed'

const words: Readonly<Record<Outcome, string>> = {
  notification_sent: 'took the message',
  notification_given_up: 'never took the message',
  notification_channel_failed: 'does not take messages:',
}

export function outcomeEvent(
  voice: ServerVoice,
  timeNs: bigint,
  outcome: Outcome,
  matter: {
    /** Whose the channel is. */
    readonly tenant: string
    readonly channel: string
    readonly name: string
    readonly delivery: string
    readonly tries: number
    /** Empty of what was sent whole. */
    readonly problem: string
  },
): Body {
  const { tenant, channel, name, delivery, tries, problem } = matter
  const why = problem === '' ? '' : `: ${problem}`
  const act: Act = {
    code: outcome,
    component: 'notify',
    tenant,
    timeNs,
    by: { name: 'server:notify', requestId: delivery },
    verb: outcome === 'notification_channel_failed' ? 'disable' : 'update',
    severity: outcome === 'notification_sent' ? 'informational' : 'high',
    message: `the notification channel ${name} ${words[outcome]} ${delivery}, try ${tries}${why}`,
    entity: { type: 'Notification Channel', uid: `${tenant}/${channel}` },
    details: { notification: { channel, delivery, tries, ...(problem !== '' && { problem }) } },
  }
  return actEvent(voice, act)
}
