// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, type SealwatchError } from '@sealwatch/base'
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
   * Renews at two thirds of a certificate's life, enrols anew where renewal is refused, and takes what somebody else puts into the
   * file, until the signal fires.
   */
  run(signal: AbortSignal): Promise<void>
}

/** For a file that changes, and a clock that jumps. */
const lookEveryMs = 1_000
const tokenPatienceMs = 60_000

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
  let problem: SealwatchError | undefined

  function adopt(identity: Identity): void {
    problem = undefined
    current = identity
    dueMs = renewalMs(identity, random)
    backoff.reset()
  }

  async function renewOrEnrol(signal: AbortSignal): Promise<void> {
    try {
      const renewed = await renew(current, options.url, signal)
      await writeIdentity(identityFile, renewed, disk)
      await file.settle()
      adopt(renewed)
      log.info('certificate renewed', { host_id: current.hostId, certificate_serial: current.serial })
    } catch (error) {
      if (isSealwatchError(error) && error.kind === 'fatal') throw error
      if (signal.aborted) return
      if (!isRefusal(error)) {
        log.warn('renewing the certificate failed and will be tried again', { error, until: current.expiresAtMs })
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
      adopt(again)
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
        const waitMs = Math.max(0, Math.min(dueMs - clock.nowMs(), lookEveryMs))
        const isAsked = await pause(waitMs, signal)
        if (signal.aborted) return
        if (isAsked || (await file.hasChanged())) await reload()
        if (clock.nowMs() >= dueMs) await renewOrEnrol(signal)
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
