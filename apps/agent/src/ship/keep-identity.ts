// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, messageOf, type SealwatchError } from '@sealwatch/base'
import { certificateRequest, newTlsKey } from '@sealwatch/keys'
import { createBackoff } from './backoff.ts'
import { callTimeoutMs, connectAgent } from './client.ts'
import { type EnrolOptions, enrol, isRefusal } from './enrol.ts'
import { acceptCertificates, type Identity, readIdentity, writeIdentity } from './identity.ts'
import { type IdentityFile, openIdentityFile } from './identity-file.ts'
import { within } from './within.ts'

export type IdentityKeeper = {
  /** What the next connection uses; a connection that lives keeps the certificate it began with. */
  readonly current: Identity
  /** Why what lies in the file now is not it. */
  readonly problem: SealwatchError | undefined
  /**
   * Renews at two thirds of a certificate's life and one that is not valid yet, enrols anew where renewal is refused, and takes
   * what somebody else puts into the file, until the signal fires.
   */
  run(signal: AbortSignal): Promise<void>
}

/** For a file that changes, and a clock that jumps. */
const lookEveryMs = 1_000
const tokenPatienceMs = 60_000
/** Between renewals where the server's clock is not ours: each certificate that comes is due again, or not valid yet. */
const clocksDifferMs = 600_000

/** Reads the identity on disk or enrols; undefined when the signal fires before there is one. */
export async function openIdentity(options: EnrolOptions): Promise<IdentityKeeper | undefined> {
  const placed = () => readIdentity(options.identityFile)
  const identity = (await readIdentity(options.identityFile)) ?? (await enrol(options, placed))
  return identity && keepIdentity(identity, await openIdentityFile(options.identityFile), options)
}

function keepIdentity(first: Identity, file: IdentityFile, options: EnrolOptions): IdentityKeeper {
  const { clock, disk, random, log, identityFile } = options
  const backoff = createBackoff(random)
  let current = first
  let dueMs = renewalMs(first, random)
  // By the clock that nobody sets, for this host's and the server's may differ.
  const goingMs = () => Number(clock.monotonicNs() / 1_000_000n)
  const restMs = { from: 0, until: Number.POSITIVE_INFINITY }
  let problem: SealwatchError | undefined
  let told = ''

  function isDue(): boolean {
    const [nowMs, going] = [clock.nowMs(), goingMs()]
    return going >= restMs.from && (nowMs >= dueMs || nowMs < current.notBeforeMs || going >= restMs.until)
  }

  function adopt(identity: Identity): void {
    problem = undefined
    current = identity
    dueMs = renewalMs(identity, random)
    restMs.from = 0
    restMs.until = Number.POSITIVE_INFINITY
    backoff.reset()
  }

  /** One that the server made just now. */
  function adoptNew(identity: Identity): void {
    adopt(identity)
    const lastsMs = dueMs - identity.notBeforeMs
    restMs.until = goingMs() + lastsMs
    if (!isDue()) {
      told = ''
      return
    }
    const pauseMs = Math.min(clocksDifferMs, lastsMs) * (1 - random() / 2)
    restMs.from = goingMs() + pauseMs
    tell(
      'the clocks of this host and of its server differ: by this one the new certificate is not valid now, or to be renewed',
      {
        host_ms: clock.nowMs(),
        not_before_ms: identity.notBeforeMs,
        expires_at_ms: identity.expiresAtMs,
        again_in_ms: pauseMs,
        runbook: 'docs/runbooks/certificate.md',
      },
    )
  }

  /** The same again is news to nobody. */
  function tell(text: string, more: { readonly error?: unknown } & Readonly<Record<string, unknown>>): void {
    const heard = `${text} ${messageOf(more.error)}`
    log[heard === told ? 'debug' : 'warn'](text, more)
    told = heard
  }

  async function renewOrEnrol(signal: AbortSignal): Promise<void> {
    try {
      const renewed = await renew(current, options.url, signal)
      await writeIdentity(identityFile, renewed, disk)
      await file.settle()
      adoptNew(renewed)
      log.info('certificate renewed', { host_id: current.hostId, certificate_serial: current.serial })
    } catch (error) {
      if (isSealwatchError(error) && error.kind === 'fatal') throw error
      if (signal.aborted) return
      if (!isRefusal(error)) {
        tell('renewing the certificate failed and will be tried again', { error, until: current.expiresAtMs })
        return clock.sleep(backoff.nextMs(), signal)
      }
      log.critical('the server refuses to renew the certificate; a join token in the file enrols this host again', {
        file: options.tokenFile,
        error,
      })
      const placed = async () => {
        const next = await file.read(current, clock.nowMs())
        return next.certificatePem === current.certificatePem ? undefined : next
      }
      const again = await within(clock, tokenPatienceMs, signal, (patience) =>
        enrol({ ...options, signal: patience }, placed),
      )
      if (again === undefined) return
      await file.settle()
      adoptNew(again)
    }
  }

  async function reload(): Promise<void> {
    try {
      const next = await file.read(current, clock.nowMs())
      const isNew = next.keyPem !== current.keyPem || next.certificatePem !== current.certificatePem
      if (isNew || problem !== undefined)
        log.info('the identity in the file is taken: the next connection begins with it', {
          host_id: next.hostId,
          certificate_serial: next.serial,
        })
      adopt(next)
    } catch (error) {
      if (!isSealwatchError(error, 'IDENTITY_NOT_TAKEN')) throw error
      problem = error
      log.critical('the identity in the file is not taken: the one in use stays', {
        certificate_serial: current.serial,
        runbook: 'docs/runbooks/certificate.md',
        error,
      })
    }
  }

  /** Returns whether somebody asked meanwhile. */
  async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
    const over = new AbortController()
    const until = AbortSignal.any([signal, over.signal])
    const asked = options.reload?.wait(until).then(() => !until.aborted)
    const slept = clock.sleep(ms, until).then(() => false)
    const isAsked = await (asked === undefined ? slept : Promise.race([asked, slept]))
    over.abort('over')
    return isAsked
  }

  return {
    get problem() {
      return problem
    },
    get current() {
      return current
    },
    run: async (signal) => {
      while (!signal.aborted) {
        const isAsked = await pause(isDue() ? 0 : lookEveryMs, signal)
        if (signal.aborted) return
        if (isAsked || (await file.hasChanged())) await reload()
        if (isDue()) await renewOrEnrol(signal)
      }
    },
  }
}

/** Spread over a twentieth of the life, so that hosts that enrolled together do not come back together. */
function renewalMs({ notBeforeMs, expiresAtMs }: Identity, random: () => number): number {
  return notBeforeMs + (expiresAtMs - notBeforeMs) * (2 / 3 + random() / 20)
}

async function renew(identity: Identity, url: string, signal: AbortSignal): Promise<Identity> {
  const key = newTlsKey()
  const connection = connectAgent(url, identity.authorityPem, identity)
  try {
    const { certificates } = await connection.client.renew(
      { csr: certificateRequest(key) },
      { signal, timeoutMs: callTimeoutMs },
    )
    return acceptCertificates(key, certificates, identity.authority, identity.hostId)
  } finally {
    connection.close()
  }
}
