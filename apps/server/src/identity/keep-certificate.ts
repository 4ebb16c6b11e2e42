// SPDX-License-Identifier: Apache-2.0

import { type Clock, type Log, messageOf } from '@sealwatch/base'
import { identityError } from './errors.ts'

export type ExpiringCertificate = { readonly notBeforeMs: number; readonly expiresAtMs: number }

/** The certificate that a door shows now. */
export type CertificateState = {
  readonly expiresAtMs: number
  /** Why the last attempt to renew it failed, and since when attempts fail; null: it did not. */
  readonly failure: { readonly sinceMs: number; readonly reason: string } | null
}

/** When nothing is to be done. Before it as after it something is: the clock was set back. */
type Rest = { readonly fromMs: number; readonly untilMs: number }

export type CertificateKeeper = {
  readonly state: CertificateState
  /** Resolves once the signal has fired; never rejects. */
  readonly ended: Promise<void>
}

/** How often it is looked whether it is due: in short steps, for a clock that jumps. */
const lookMs = 60_000
const againMs = { first: 1_000, most: 300_000 } as const

/**
 * Renews the certificate of a door when a third of its life is left, and one that is not valid yet, for it was made when the
 * clock was ahead. A renewal that fails is told, and tried again, longer
 * apart each time: meanwhile the door shows the old one, and who is connected stays so.
 */
export function keepCertificate<C extends ExpiringCertificate>(options: {
  /** Of the door, for people. */
  readonly name: string
  readonly first: C
  readonly issue: () => Promise<C>
  /** From then on those who come see it. */
  readonly put: (next: C) => void
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}): CertificateKeeper {
  const { name, issue, put, clock, log, signal } = options
  let state: CertificateState = { expiresAtMs: options.first.expiresAtMs, failure: null }
  let failures = 0
  const restOf = ({ notBeforeMs, expiresAtMs }: ExpiringCertificate): Rest => ({
    fromMs: notBeforeMs,
    untilMs: (2 * expiresAtMs + clock.nowMs()) / 3,
  })

  function told(cause: unknown): Rest {
    const waitMs = Math.min(againMs.first * 2 ** failures, againMs.most)
    failures += 1
    const until = new Date(state.expiresAtMs).toISOString()
    const attempted = `renewing the certificate of ${name}, whose present one ends at ${until}`
    const error = identityError('CERTIFICATE_NOT_RENEWED', { attempted, received: messageOf(cause), waitMs, cause })
    log.error('a certificate could not be renewed', { error, attempts: failures, again_in_ms: waitMs })
    state = { ...state, failure: { sinceMs: state.failure?.sinceMs ?? clock.nowMs(), reason: messageOf(cause) } }
    return { fromMs: clock.nowMs(), untilMs: clock.nowMs() + waitMs }
  }

  async function keep(): Promise<void> {
    let rest = restOf(options.first)
    while (!signal.aborted) {
      await clock.sleep(Math.min(lookMs, Math.max(0, rest.untilMs - clock.nowMs())), signal)
      const nowMs = clock.nowMs()
      if (signal.aborted || (nowMs >= rest.fromMs && nowMs < rest.untilMs)) continue
      try {
        const next = await issue()
        put(next)
        if (failures > 0) log.info('a certificate is renewed after all', { name, attempts: failures + 1 })
        failures = 0
        state = { expiresAtMs: next.expiresAtMs, failure: null }
        rest = restOf(next)
      } catch (cause) {
        rest = told(cause)
      }
    }
  }

  const ended = keep()
  return {
    ended,
    get state() {
      return state
    },
  }
}
