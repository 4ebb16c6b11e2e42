// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Clock, type Disk, isSealwatchError, type JsonObject } from '@sealwatch/base'
import { ocsfVersion, severities } from '@sealwatch/contract'
import type { Ed25519Signer } from '@sealwatch/keys'
import { type Chain, type Draft, openChain } from '@sealwatch/ledger'
import { proxyError } from './errors.ts'

/** What was asked and what came of it: one line of the proxy's own chain (docs/formats/signing-proxy.md, 5). */
export type AuditRecord = {
  readonly outcome: 'signed' | 'refused'
  readonly operation: string
  readonly caller: string
  readonly purpose: string
  /** SHA-256 of the message, hex; what was asked to be signed can be told from it, and nothing else. */
  readonly digest: string
  readonly keyId: string
  /** SHA-256 of the signature, hex. */
  readonly signatureDigest?: string
  /** Code of the refusal. */
  readonly code?: string
}

export type Audit = {
  readonly chain: Chain
  /** Resolves once the record is on stable storage. Throws PROXY_AUDIT: then nothing may leave. */
  record(record: AuditRecord): Promise<void>
  /** Closes epochs that nobody writes on in, until the signal fires: what is on record is then sealed for good. */
  keepEpochs(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export type AuditOptions = {
  readonly dir: string
  readonly signer: Ed25519Signer
  readonly version: string
  readonly bytesMax: number
  readonly clock: Clock
  readonly disk: Disk
}

const tenant = 'signing-proxy'
const segmentBytesMax = 16 * 1024 * 1024
const epochStepMs = 1_000

/** Records that come while one write is under way share the next one. */
export async function openAudit({ dir, signer, version, bytesMax, clock, disk }: AuditOptions): Promise<Audit> {
  const chain = await openChain({
    dir: join(dir, 'chains', tenant),
    tenant,
    signer,
    clock,
    disk,
    segmentBytesMax,
    totalBytesMax: bytesMax,
  })
  let waiting: { draft: Draft; done: PromiseWithResolvers<void> }[] = []
  let writing: Promise<void> | undefined

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const now = waiting
      waiting = []
      try {
        await chain.seal(now.map(({ draft }) => draft))
        for (const { done } of now) done.resolve()
      } catch (cause) {
        const error = proxyError('PROXY_AUDIT', { attempted: 'recording a signature', cause })
        for (const { done } of now) done.reject(error)
      }
    }
    writing = undefined
  }

  /** Where there is no room for it the epoch stays open, and nothing is signed meanwhile either. */
  async function closeEpoch(): Promise<void> {
    await chain.closeEpoch().catch((cause: unknown) => {
      if (!isSealwatchError(cause) || cause.kind !== 'exhausted') throw cause
    })
  }

  return {
    chain,
    record: (record) => {
      const timeNs = clock.nowNs()
      const done = Promise.withResolvers<void>()
      waiting.push({ draft: { event: eventOf(record, version, timeNs), personalPointers: [], timeNs }, done })
      writing ??= write()
      return done.promise
    },
    keepEpochs: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(epochStepMs, signal)
        const { epochDueNs } = chain
        if (epochDueNs !== undefined && clock.monotonicNs() >= epochDueNs) await closeEpoch()
      }
    },
    close: async () => {
      await writing
      await closeEpoch()
      await chain.close()
    },
  }
}

/** OCSF API Activity; signing is none of its own activities. */
function eventOf(record: AuditRecord, version: string, timeNs: bigint): JsonObject {
  const { outcome, operation, caller, purpose, digest, keyId, signatureDigest, code } = record
  const isSigned = outcome === 'signed'
  return {
    activity_id: 99,
    activity_name: 'Sign',
    category_uid: 6,
    category_name: 'Application Activity',
    class_uid: 6003,
    class_name: 'API Activity',
    type_uid: 600399,
    type_name: 'API Activity: Sign',
    ...severities[isSigned ? 'informational' : 'medium'],
    time: Number(timeNs / 1_000_000n),
    message: isSigned ? `signed for ${caller}: ${purpose}` : `refused ${caller}: ${purpose}`,
    metadata: {
      version: ocsfVersion,
      event_code: isSigned ? 'signature_made' : 'signature_refused',
      product: { name: 'Sealwatch', vendor_name: 'Sealwatch', version, feature: { name: 'signing-proxy' } },
    },
    api: { operation, service: { name: 'sealwatch-signing-proxy' } },
    actor: { app_name: caller },
    status_id: isSigned ? 1 : 2,
    status: isSigned ? 'Success' : 'Failure',
    ...(code === undefined ? {} : { status_code: code }),
    unmapped: {
      purpose,
      message_sha256: digest,
      key_id: keyId,
      ...(signatureDigest === undefined ? {} : { signature_sha256: signatureDigest }),
    },
  }
}
