// SPDX-License-Identifier: Apache-2.0
// One try at one message, by whichever way its channel leads.

import { type Clock, canonicalize, isSealwatchError, type JsonObject } from '@sealwatch/base'
import type { Outgoing } from '@sealwatch/base/outgoing'
import type { Sealing } from '@sealwatch/keys/sealing'
import type { Tables } from '../store/index.ts'
import { notifyLimits as limits } from './limits.ts'
import type { SendMail } from './mail.ts'
import { mailTextOf } from './mail-text.ts'
import { isMailAddress, targetOf } from './targets.ts'
import { type Sent, sendWebhook } from './webhook.ts'

export type Channel = Tables['notification_channels']
export type Send = (channel: Channel, id: string, message: JsonObject, signal: AbortSignal) => Promise<Sent>

export type SendOptions = {
  readonly sealing: Pick<Sealing, 'open'>
  readonly call: Outgoing
  /** Undefined: no mail server is set. */
  readonly mail: SendMail | undefined
  /** Addresses of whoever is an admin of the tenant now. */
  readonly admins: (tenant: string) => Promise<readonly string[]>
  readonly clock: Clock
}

/** Where a secret of a channel is sealed: it opens nowhere else. */
export const secretPlace = (tenant: string, channel: string) =>
  ({ tenant, purpose: 'evidence', place: `notify/${channel}` }) as const

export function createSend({ sealing, call, mail, admins, clock }: SendOptions): Send {
  async function secretsOf({ tenant, channel, secret, old_secret, old_until_ms }: Channel): Promise<string[]> {
    const counts = old_secret !== null && (old_until_ms ?? 0) > clock.nowMs() ? [secret, old_secret] : [secret]
    const opened = counts.map((sealed) => sealing.open(secretPlace(tenant, channel), sealed))
    return (await Promise.all(opened)).map((bytes) => Buffer.from(bytes).toString('latin1'))
  }

  async function sendMail({ tenant }: Channel, to: string, id: string, message: JsonObject, signal: AbortSignal) {
    if (mail === undefined) return failed('no mail server is set (SEALWATCH_SERVER_SMTP_URL)')
    const addresses = to === 'admins' ? (await admins(tenant)).filter(isMailAddress) : [to]
    if (addresses.length === 0) return failed('no admin has an e-mail address')
    return mail({ id, to: addresses.slice(0, limits.addresses), ...mailTextOf(message) }, signal)
  }

  return async (channel, id, message, signal) => {
    const target = targetOf(channel.target)
    if (target === undefined) return failed('it leads nowhere')
    if (target.kind === 'mail')
      return sendMail(channel, target.to === 'admins' ? target.to : target.to.address, `msg_${id}`, message, signal)
    try {
      const secrets = await secretsOf(channel)
      const webhook = { id: `msg_${id}`, url: target.url, secrets, body: canonicalize(message) }
      return await sendWebhook(call, webhook, { nowMs: clock.nowMs(), signal })
    } catch (error) {
      // One that was altered, or keys that are out of reach, keep no other channel waiting.
      if (!isSealwatchError(error)) throw error
      return failed(`its secret cannot be opened: ${error.code}`)
    }
  }
}

const failed = (problem: string): Sent => ({ ok: false, problem, over: false })
