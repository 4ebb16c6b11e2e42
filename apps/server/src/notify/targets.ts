// SPDX-License-Identifier: Apache-2.0
// Where a channel leads, as people write it.

import { webhookUrl } from './webhook.ts'

/** `admins`: by e-mail to whoever is an admin of the tenant, in `cluster` of the deployment, as they are then. */
export type Target =
  | { readonly kind: 'webhook'; readonly url: string }
  | { readonly kind: 'mail'; readonly to: 'admins' | { readonly address: string } }

/** RFC 5321 without quotes, comments and literals: nothing in it ends a line, a list or an address. */
const addressForm =
  /^(?=.{3,254}$)(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/

export const isMailAddress = (text: string): boolean => addressForm.test(text)

const mailPrefix = 'mailto:'

/** An https URL, `mailto:ADDRESS` or `admins`; undefined for all else. */
export function targetOf(text: string): Target | undefined {
  if (text === 'admins') return { kind: 'mail', to: text }
  if (text.startsWith(mailPrefix)) {
    const address = text.slice(mailPrefix.length)
    return isMailAddress(address) ? { kind: 'mail', to: { address } } : undefined
  }
  const url = webhookUrl(text)
  return url === undefined ? undefined : { kind: 'webhook', url: url.href }
}

/** What it is instead, without its path or its address, which may be secrets. */
export function unfitOf(text: string): string {
  if (text.startsWith(mailPrefix)) return 'mailto: and no plain address'
  const url = URL.parse(text)
  if (url === null) return 'no URL'
  if (url.protocol !== 'https:') return `a URL of ${url.protocol.slice(0, 16)}`
  return 'a URL that is too long, or has a password or a fragment'
}

/** As a ledger may have it: of a URL the origin alone, for the rest may be a secret of the receiver's; no address of a person. */
export function shownTarget(text: string): string {
  const target = targetOf(text)
  if (target?.kind === 'webhook') return new URL(target.url).origin
  return target?.to === 'admins' ? 'the admins by e-mail' : 'an e-mail address'
}
