// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { Code, ConnectError } from '@connectrpc/connect'
import { type Clock, type Disk, isSealwatchError, type Log, messageOf } from '@sealwatch/base'
import type { Ed25519Signer } from '@sealwatch/keys'
import { authorityFingerprint, certificateRequest, newTlsKey, pemOf } from '@sealwatch/keys'
import { createBackoff } from './backoff.ts'
import { callTimeoutMs, connectAgent, fetchAuthority } from './client.ts'
import type { HostFacts } from './host-facts.ts'
import { acceptCertificates, type Identity, writeIdentity } from './identity.ts'
import { pinOf, waitForToken } from './join-token.ts'
import { within } from './within.ts'

export type EnrolOptions = {
  /** https://host:port of the server's agent port. */
  readonly url: string
  /** Where a person or the launcher puts a join token; deleted once it is used. */
  readonly tokenFile: string
  readonly identityFile: string
  readonly facts: HostFacts
  /** The key that signs this host's chains: for the server, the key is the host. */
  readonly signer: Ed25519Signer
  readonly clock: Clock
  readonly disk: Disk
  readonly random: () => number
  /** Rings when somebody asks that the identity file be looked at now (SIGHUP). */
  readonly reload?: { wait(signal: AbortSignal): Promise<void> }
  readonly onTrouble?: ((trouble: ServerTrouble) => void) | undefined
  readonly log: Log
  readonly signal: AbortSignal
}

/** Why the server does not have this host's lines, in words; `refuses`: it is there, and will say the same again. */
export type ServerTrouble = { readonly text: string; readonly refuses: boolean }

/** docs/formats/agent-protocol.md, 2.3 */
const proofPrefix = Buffer.from('sealwatch.dev/enrol/v1\n')
const refusals: readonly Code[] = [Code.PermissionDenied, Code.InvalidArgument, Code.Unauthenticated]

/**
 * Waits for a join token and buys an identity with it, which is on disk before the token is deleted. Tries until it
 * succeeds or the signal fires (undefined); a token that the server refuses is not offered again. `placed`: an identity that
 * somebody else put into its file meanwhile, asked for when somebody rings.
 */
export async function enrol(
  options: EnrolOptions,
  placed: () => Promise<Identity | undefined>,
): Promise<Identity | undefined> {
  const { tokenFile, identityFile, clock, disk, log, signal } = options
  const backoff = createBackoff(options.random)
  let refused: string | undefined
  while (!signal.aborted) {
    const token = await tokenOrBell(refused, options)
    if (token === undefined) {
      const identity = signal.aborted ? undefined : await lookAt(placed, options)
      if (identity !== undefined) return identity
      continue
    }
    try {
      const identity = await enrolOnce(token, options)
      await writeIdentity(identityFile, identity, disk)
      // If we stop here the token is offered again next time: the server then answers for the same signing key.
      await rm(tokenFile, { force: true })
      log.info('enrolled', { host_id: identity.hostId, certificate_serial: identity.serial })
      return identity
    } catch (error) {
      if (isSealwatchError(error) && error.kind === 'fatal') throw error
      const isOther = isSealwatchError(error, 'SERVER_NOT_PINNED')
      options.onTrouble?.({ text: messageOf(error), refuses: isRefusal(error) || isOther })
      if (isRefusal(error)) {
        refused = token
        log.critical('the server refuses to enrol this host; events wait until another join token is in the file', {
          file: tokenFile,
          error,
        })
        continue
      }
      log[isOther ? 'critical' : 'warn']('enrolment failed and will be tried again', { error })
      await clock.sleep(backoff.nextMs(), signal)
    }
  }
  return undefined
}

/** undefined: somebody rang, or the signal fired. */
async function tokenOrBell(
  refused: string | undefined,
  { tokenFile, reload, clock, signal }: EnrolOptions,
): Promise<string | undefined> {
  const over = new AbortController()
  const until = AbortSignal.any([signal, over.signal])
  const token = waitForToken(tokenFile, refused, clock, until)
  const first = await (reload === undefined ? token : Promise.race([token, reload.wait(until).then(() => undefined)]))
  over.abort()
  return first
}

async function lookAt(
  placed: () => Promise<Identity | undefined>,
  { identityFile, log }: EnrolOptions,
): Promise<Identity | undefined> {
  try {
    const identity = await placed()
    if (identity === undefined) log.info('there is no other identity in the file', { file: identityFile })
    else
      log.info('the identity in the file is taken', { host_id: identity.hostId, certificate_serial: identity.serial })
    return identity
  } catch (error) {
    if (!isSealwatchError(error)) throw error
    const runbook = 'docs/runbooks/certificate.md'
    log.critical('the identity in the file is not taken', { file: identityFile, runbook, error })
    return undefined
  }
}

async function enrolOnce(token: string, { url, facts, signer, clock, signal }: EnrolOptions): Promise<Identity> {
  const pin = pinOf(token)
  const authority = await within(clock, callTimeoutMs, signal, (soon) => fetchAuthority(url, pin, soon))
  const key = newTlsKey()
  const csr = certificateRequest(key)
  const proof = signer.sign(Buffer.concat([proofPrefix, hash('sha256', csr, 'buffer')]))
  const connection = connectAgent(url, pemOf(authority))
  try {
    const { hostId, certificates } = await connection.client.enrol(
      { joinToken: token, csr, facts, signingPublicKey: signer.publicKey, signingKeyProof: proof },
      { signal, timeoutMs: callTimeoutMs },
    )
    return acceptCertificates(key, certificates, authorityFingerprint(authority), hostId)
  } finally {
    connection.close()
  }
}

/** The server knows the question now and will not like it better the second time. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof ConnectError) return refusals.includes(error.code)
  return isSealwatchError(error, 'JOIN_TOKEN_MALFORMED')
}
