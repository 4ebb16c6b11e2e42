// SPDX-License-Identifier: Apache-2.0

import { X509Certificate } from 'node:crypto'
import { isSealwatchError } from '@sealwatch/base'
import { certificateRequest, newTlsKey } from '@sealwatch/keys'
import { createBackoff } from './backoff.ts'
import { callTimeoutMs, connectAgent } from './client.ts'
import { type EnrolOptions, enrol, isRefusal } from './enrol.ts'
import { acceptCertificates, type Identity, readIdentity, writeIdentity } from './identity.ts'
import { within } from './within.ts'

export type IdentityKeeper = {
  /** What the next connection uses; a connection that lives keeps the certificate it began with. */
  readonly current: Identity
  /** Renews at two thirds of a certificate's life, and enrols anew where renewal is refused, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

const lookEveryMs = 60_000
const tokenPatienceMs = 60_000

/** Reads the identity on disk or enrols; undefined when the signal fires before there is one. */
export async function openIdentity(options: EnrolOptions): Promise<IdentityKeeper | undefined> {
  const identity = (await readIdentity(options.identityFile)) ?? (await enrol(options))
  return identity && keepIdentity(identity, options)
}

function keepIdentity(first: Identity, options: EnrolOptions): IdentityKeeper {
  const { clock, disk, random, log, identityFile } = options
  const backoff = createBackoff(random)
  let current = first
  let dueMs = renewalMs(first, random)

  function adopt(identity: Identity): void {
    current = identity
    dueMs = renewalMs(identity, random)
    backoff.reset()
  }

  async function renewOrEnrol(signal: AbortSignal): Promise<void> {
    try {
      const renewed = await renew(current, options.url, signal)
      await writeIdentity(identityFile, renewed, disk)
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
      const again = await within(clock, tokenPatienceMs, signal, (patience) => enrol({ ...options, signal: patience }))
      if (again !== undefined) adopt(again)
    }
  }

  return {
    get current() {
      return current
    },
    run: async (signal) => {
      while (!signal.aborted) {
        const waitMs = dueMs - clock.nowMs()
        // In short steps, for a clock that jumps.
        if (waitMs > 0) await clock.sleep(Math.min(waitMs, lookEveryMs), signal)
        else await renewOrEnrol(signal)
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
    return acceptCertificates(key, certificates, new X509Certificate(identity.authorityPem), identity.hostId)
  } finally {
    connection.close()
  }
}
