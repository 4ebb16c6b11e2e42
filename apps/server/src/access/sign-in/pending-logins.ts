// SPDX-License-Identifier: Apache-2.0

import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '@sealwatch/base'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { signInError } from './errors.ts'

/** A log-in that began, and waits for the provider's word. */
export type PendingLogin = {
  /** Everything of it, sealed: the provider hands it back, and nothing is kept that strangers could fill. */
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
  begin(of: {
    readonly browser: string | undefined
    readonly returnTo: string
    readonly link: string | undefined
  }): Promise<{ readonly pending: PendingLogin; readonly browser: string }>
  /** Takes it, so that nobody takes it again. Throws LOGIN_FOREIGN. */
  take(state: string, browser: string | undefined): Promise<PendingLogin>
}

type Sealed = Omit<PendingLogin, 'state'> & {
  /** Hash of the cookie. */
  readonly browser: string
  /** By the monotonic clock. */
  readonly untilNs: string
}

export const pendingSecondsMax = 600
/** States that were taken; beyond that many the oldest is forgotten, whose code the provider has redeemed long ago. */
const takenMax = 10_000
const stateCharsMax = 4_096

const newSecret = () => randomBytes(32).toString('base64url')
const hashOf = (text: string) => hash('sha256', text, 'base64url')
const isSame = (a: string, b: string) => timingSafeEqual(Buffer.from(a), Buffer.from(b))

/** Those of a server that starts again are over: its key is gone. */
export function createPendingLogins(clock: Clock): PendingLogins {
  const key = new Uint8Array(randomBytes(32))
  const taken = new Set<string>()

  async function opened(state: string): Promise<Sealed | undefined> {
    if (state.length > stateCharsMax) return undefined
    const algorithms = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] }
    const found = await compactDecrypt(state, key, algorithms).catch(() => undefined)
    return found && (JSON.parse(Buffer.from(found.plaintext).toString()) as Sealed)
  }

  return {
    begin: async ({ browser = newSecret(), returnTo, link }) => {
      const pending = { nonce: newSecret(), verifier: newSecret(), returnTo, link }
      const untilNs = String(clock.monotonicNs() + BigInt(pendingSecondsMax) * 1_000_000_000n)
      const sealed: Sealed = { ...pending, browser: hashOf(browser), untilNs }
      const state = await new CompactEncrypt(Buffer.from(JSON.stringify(sealed)))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .encrypt(key)
      return { pending: { ...pending, state }, browser }
    },
    take: async (state, browser) => {
      const foreign = (received: string) =>
        signInError('LOGIN_FOREIGN', { attempted: "taking the provider's answer", received })
      const found = await opened(state)
      // The nonce, and not the text: of that there may be another for the same content.
      if (found === undefined || taken.has(found.nonce)) throw foreign('a state that no log-in waits with')
      taken.add(found.nonce)
      for (const oldest of taken) {
        if (taken.size <= takenMax) break
        taken.delete(oldest)
      }
      if (BigInt(found.untilNs) <= clock.monotonicNs()) throw foreign('a log-in that began more than 10 minutes ago')
      if (browser === undefined || !isSame(hashOf(browser), found.browser))
        throw foreign('the state of a log-in that another browser began')
      const { nonce, verifier, returnTo, link } = found
      return { state, nonce, verifier, returnTo, link }
    },
  }
}
