// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Clock, type Disk, errorsOf, isSealwatchError, type Log } from '@sealwatch/base'
import type { Health, Probe } from '@sealwatch/base/health'
import {
  type AuditSigner,
  admitSigner,
  openOwnSigner,
  type PreparedSigner,
  type PreparedSigners,
  proveSigner,
  type SignerRecord,
  signerErrors,
} from '@sealwatch/keys'
import { delegatorIn } from './ingest/index.ts'

export type SignerOptions = {
  readonly prepared: PreparedSigners
  readonly keysDir: string
  readonly health: Health
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  readonly signal: AbortSignal
}

const signerError = errorsOf(signerErrors)
const retryMs = { min: 1_000, max: 30_000 } as const
const probe = { everyMs: 30_000, deadlineMs: 5_000 } as const

/**
 * The deployment's signer, proven: it has signed, its key is the one that is recorded. Waits for a keeper that does not
 * answer yet; whatever else is wrong throws. Where none is configured the server's own key signs, and /readyz says so.
 */
export async function openDeploymentSigner(options: SignerOptions): Promise<AuditSigner> {
  const { prepared, keysDir, health, clock, disk, log, signal } = options
  for (const alarm of prepared.alarms) log.critical(alarm)
  let signer: AuditSigner | undefined
  // Also while it is waited for: what keeps the server from serving is named.
  const asked = () => signer ?? unopened
  health.probe(prepared.backend === undefined ? notConfigured : signerProbe(`signer-${prepared.backend}`, asked))
  const ownPath = join(keysDir, 'ledger.key')
  // A file of its own is the log key. Where there is none, an Ed25519 signer is, and outsiders pin that (root/log-key.ts).
  const hasLogKeyFile = (await disk.sizeOf(ownPath)) !== undefined
  const isPinned = (recorded: SignerRecord | undefined) =>
    !hasLogKeyFile && (recorded === undefined || recorded.algorithm === 'ed25519')
  const signedLast = () => delegatorIn(join(keysDir, 'node.json'), disk)
  const own = async () => {
    // Once made, it would pass for the log key ever after.
    if (!hasLogKeyFile && (await signedLast()) !== undefined)
      throw signerError('SIGNER_PINNED', { attempted: `making ${ownPath}, for no signer is configured` })
    return openOwnSigner(ownPath, disk)
  }
  signer = await patiently(options, prepared.active ?? own)
  const place = { path: join(keysDir, 'signers.json'), disk, nowNs: clock.nowNs(), isPinned, signedLast }
  const standing = await admitSigner(place, signer, prepared.successor)
  const facts = { backend: signer.backend, algorithm: signer.algorithm, keyId: signer.keyId, location: signer.location }
  if (standing === 'replaced') log.critical('the key of the audit signer was replaced', facts)
  else if (standing === 'found') log.critical('signers.json was gone; the newest delegation is by this key', facts)
  else log.info('the audit signer signs', { ...facts, standing })
  const { standby } = prepared
  // Opened only to see that it could step in; what is wrong with it is told and stops nothing.
  if (standby !== undefined) {
    const second = await opened(standby, signal)
    health.probe(signerProbe('signer-standby', () => second))
  }
  return signer
}

/** A keeper that is away at the start comes back; everything else that is wrong does not go by waiting. */
async function patiently({ clock, log, signal }: SignerOptions, open: PreparedSigner): Promise<AuditSigner> {
  for (let waitMs: number = retryMs.min; ; waitMs = Math.min(waitMs * 2, retryMs.max)) {
    let signer: AuditSigner | undefined
    try {
      signer = await open(signal)
      await proveSigner(signer, signal)
      return signer
    } catch (error) {
      await signer?.close()
      if (signal.aborted || !isSealwatchError(error, 'SIGNER_UNAVAILABLE')) throw error
      log.error('the audit signer does not answer; the server waits for it', { error, inMs: waitMs })
      await clock.sleep(waitMs, signal)
    }
  }
}

type ProbedSigner = Pick<AuditSigner, 'algorithm' | 'keyId' | 'location' | 'probe'>

const failing = (error: unknown): ProbedSigner => ({
  algorithm: 'hmac-sha256',
  keyId: '',
  location: '',
  probe: () => Promise.reject(error),
})
const unopened = failing(new Error('it has not answered since the start: the server waits for it'))

async function opened(standby: PreparedSigner, signal: AbortSignal): Promise<ProbedSigner> {
  try {
    return await standby(signal)
  } catch (error) {
    return failing(error)
  }
}

/** SIG-4: DescribeKey of a KMS, GET of a proxy, a test signature elsewhere. */
const signerProbe = (name: string, asked: () => ProbedSigner): Probe => ({
  ...probe,
  name,
  required: false,
  check: async (signal) => {
    const { algorithm, keyId, location, probe: ask } = asked()
    await ask(signal)
    return { algorithm, key_id: keyId, location }
  },
})

const notConfigured: Probe = {
  name: 'signer',
  required: false,
  check: () => Promise.reject(new Error('no signer is configured: set one of the AUDIT_SIGNING_ variables')),
}
