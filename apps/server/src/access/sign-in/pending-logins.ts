// SPDX-License-Identifier: Apache-2.0

import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '@sealwatch/base'
import { signInError } from './errors.ts'

/** A log-in that began, and waits for the provider's word. */
export type PendingLogin = {
  readonly state: string
  readonly nonce: string
  /** PKCE (RFC 7636): only whoever began can redeem the code. */
  readonly verifier: string
  /** Path of the dashboard. */
  readonly returnTo: string
  /** Hash of the one-time link that led here. */
  readonly link: string | undefined
}

export type PendingLogins = {
  /** `browser`: the value of its log-in cookie, where it has one. The one that is returned is to be set. */
  begin(of: { readonly browser: string | undefined; readonly returnTo: string; readonly link: string | undefined }): {
    readonly pending: PendingLogin
    readonly browser: string
  }
  /** Takes it, so that nobody takes it again. Throws LOGIN_FOREIGN. */
  take(state: string, browser: string | undefined): PendingLogin
  readonly size: number
}

export const pendingSecondsMax = 600
/** Beyond that many the oldest is given up. */
const pendingMax = 10_000

const newSecret = () => randomBytes(32).toString('base64url')
const hashOf = (text: string) => hash('sha256', text, 'buffer')

export function createPendingLogins(clock: Clock): PendingLogins {
  // By the hash of the state, so that finding one tells nothing of any other.
  const waiting = new Map<string, { pending: PendingLogin; browser: Buffer; untilNs: bigint }>()

  function forgetOld(): void {
    const nowNs = clock.monotonicNs()
    for (const [key, { untilNs }] of waiting) {
      if (untilNs > nowNs && waiting.size <= pendingMax) break
      waiting.delete(key)
    }
  }

  return {
    get size() {
      return waiting.size
    },
    begin: ({ browser = newSecret(), returnTo, link }) => {
      const pending = { state: newSecret(), nonce: newSecret(), verifier: newSecret(), returnTo, link }
      const untilNs = clock.monotonicNs() + BigInt(pendingSecondsMax) * 1_000_000_000n
      waiting.set(hashOf(pending.state).toString('hex'), { pending, browser: hashOf(browser), untilNs })
      forgetOld()
      return { pending, browser }
    },
    take: (state, browser) => {
      const foreign = (received: string) =>
        signInError('LOGIN_FOREIGN', { attempted: "taking the provider's answer", received })
      const key = hashOf(state).toString('hex')
      const found = waiting.get(key)
      if (found === undefined) throw foreign('a state that no log-in of the last 10 minutes has')
      waiting.delete(key)
      if (found.untilNs <= clock.monotonicNs()) throw foreign('a log-in that began more than 10 minutes ago')
      if (browser === undefined || !timingSafeEqual(hashOf(browser), found.browser))
        throw foreign('the state of a log-in that another browser began')
      return found.pending
    },
  }
}
