// SPDX-License-Identifier: Apache-2.0
// Standard Webhooks 1.0 (standardwebhooks.com): the receiver proves by the secret that it was us, and by the time that it is now.

import { createHmac, randomBytes } from 'node:crypto'
import { isSealwatchError } from '@sealwatch/base'
import type { Outgoing } from '@sealwatch/base/outgoing'

const prefix = 'whsec_'
const secretBytes = 32
const urlMax = 1024
const gone = 410
const limited = 429

/** Base64 of 256 bits behind a prefix by which scanners find it. */
export const drawWebhookSecret = (): string => `${prefix}${randomBytes(secretBytes).toBase64()}`

/** Where others may have us call: undefined for what is no such place. Whom it leads to is judged at each call. */
export function webhookUrl(text: string): URL | undefined {
  const url = URL.parse(text)
  if (url === null || text.length > urlMax || url.username !== '' || url.password !== '' || url.hash !== '')
    return undefined
  return url.protocol === 'https:' ? url : undefined
}

/** `v1,` and the base64 of HMAC-SHA256 over id, time (Unix seconds) and body. */
export function signWebhook(secret: string, id: string, seconds: number, body: string): string {
  const key = Buffer.from(secret.slice(prefix.length), 'base64')
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`
}

/** What became of one try. `over`: another one is of no use. `retryMs`: the other side asks to be left alone for so long. */
export type Sent =
  | { readonly ok: true; readonly problem?: string }
  | { readonly ok: false; readonly problem: string; readonly over: boolean; readonly retryMs?: number }

export type WebhookMessage = {
  readonly id: string
  readonly url: string
  /** Each signs: while one takes the other's place, a receiver may know either. */
  readonly secrets: readonly string[]
  readonly body: string
}

/** Calls once. What the other side answers is never told on: who names a place must not read what is behind it. */
export async function sendWebhook(
  call: Outgoing,
  { id, url, secrets, body }: WebhookMessage,
  { nowMs, signal }: { readonly nowMs: number; readonly signal: AbortSignal },
): Promise<Sent> {
  const seconds = Math.floor(nowMs / 1000)
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'sealwatch',
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': secrets.map((secret) => signWebhook(secret, id, seconds, body)).join(' '),
  }
  try {
    const { status, headers: answered } = await call(url, { method: 'POST', headers, body, signal })
    if (status >= 200 && status < 300) return { ok: true }
    const retryMs = retryMsOf(answered.get('retry-after'), nowMs)
    return {
      ok: false,
      ...(retryMs !== undefined && { retryMs }),
      problem: status === limited ? 'it asks for a pause (429)' : `it answered ${status}`,
      over: status === gone,
    }
  } catch (error) {
    return { ok: false, problem: problemOf(error), over: false }
  }
}

/** Seconds or a date (RFC 9110, 10.2.3). */
export function retryMsOf(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

function problemOf(error: unknown): string {
  if (isSealwatchError(error)) return `${error.code}: ${error.received}`.slice(0, 300)
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'string' ? code : 'no connection'
}
