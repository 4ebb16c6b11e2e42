// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Clock, type Disk, type ErrorTable, errorsOf, type Json, messageOf } from '@sealwatch/base'
import { type DsseEnvelope, parseDsse } from '@sealwatch/keys'
import { type Ledger, type SignedCheckpoint, signCountersignature } from '@sealwatch/ledger'
import type { LogKey } from './log-key.ts'

export const publishErrors = {
  BELOW_QUORUM: {
    kind: 'unavailable',
    rule: 'a root checkpoint is published once as many witnesses have cosigned it as the policy asks for',
    advice: '`sealwatch status` names the witnesses that are missing; publishing goes on by itself when they answer',
  },
} as const satisfies ErrorTable
const publishError = errorsOf(publishErrors)

/** A root checkpoint as the world sees it. */
export type Published = {
  /** Signed by the node key, the log key, and the witnesses that answered. */
  readonly note: string
  readonly size: number
  readonly countersignature: DsseEnvelope
  /** `none`: no witnesses are configured. */
  readonly quorum: 'met' | 'below' | 'none'
  readonly atMs: number
}

/** Asks witnesses for their cosignatures on the note, and adds those that hold. */
export type Cosign = (
  checkpoint: { readonly size: number; readonly root: Uint8Array; readonly note: string },
  signal: AbortSignal,
) => Promise<{ readonly note: string; readonly quorum: 'met' | 'below' }>

export type Publisher = {
  readonly published: Published | undefined
  /** Why the last attempt failed. */
  readonly problem: string | undefined
  /**
   * Publishes the root checkpoint unless it is out already and younger than `maxAgeMs`. Throws what signer or witnesses
   * throw; what was published before stays.
   */
  publish(checkpoint: SignedCheckpoint, maxAgeMs: number, signal: AbortSignal): Promise<Published>
}

export async function openPublisher(options: {
  readonly root: Ledger
  readonly dir: string
  readonly logKey: LogKey
  readonly cosign: Cosign | undefined
  /** What becomes of a checkpoint that too few witnesses have cosigned. */
  readonly belowQuorum: 'degraded' | 'hold'
  readonly clock: Clock
  readonly disk: Disk
}): Promise<Publisher> {
  const { root, dir, logKey, cosign, belowQuorum, clock, disk } = options
  const path = join(dir, 'published.json')
  let published = await readPublished(path, disk)
  let problem: string | undefined
  let queue: Promise<unknown> = Promise.resolve()

  async function make(checkpoint: SignedCheckpoint, signal: AbortSignal): Promise<Published> {
    const text = checkpoint.note.slice(0, checkpoint.note.indexOf('\n\n') + 1)
    // One after the other: the envelope's time is when the log key had signed.
    const logged = checkpoint.note + (await logKey.noteSignature(root.origin, text, signal))
    const atNs = clock.nowNs()
    const countersignature = await signCountersignature({ note: logged, atNs }, logKey.dsseSigners, signal)
    const cosigned = await cosign?.({ ...checkpoint, note: logged }, signal)
    const quorum = cosigned?.quorum ?? 'none'
    if (quorum === 'below' && belowQuorum === 'hold')
      throw publishError('BELOW_QUORUM', { attempted: `publishing size ${checkpoint.size} of ${root.origin}` })
    const { size } = checkpoint
    return { note: cosigned?.note ?? logged, size, countersignature, quorum, atMs: clock.nowMs() }
  }

  async function publishNow(checkpoint: SignedCheckpoint, maxAgeMs: number, signal: AbortSignal): Promise<Published> {
    const last = published
    if (last !== undefined && last.size >= checkpoint.size && clock.nowMs() - last.atMs < maxAgeMs) return last
    try {
      const made = await make(checkpoint, signal)
      await disk.replace(path, JSON.stringify(made), 0o644)
      published = made
      problem = undefined
      return made
    } catch (cause) {
      problem = messageOf(cause)
      throw cause
    }
  }

  return {
    get published() {
      return published
    },
    get problem() {
      return problem
    },
    publish: (checkpoint, maxAgeMs, signal) => {
      const result = queue.then(() => publishNow(checkpoint, maxAgeMs, signal))
      queue = result.catch(() => undefined)
      return result
    },
  }
}

/** It is evidence for others, never a basis of ours: without it the next one is made. */
async function readPublished(path: string, disk: Disk): Promise<Published | undefined> {
  const bytes = await disk.read(path)
  if (bytes === undefined) return undefined
  try {
    const published = JSON.parse(Buffer.from(bytes).toString('utf8')) as Published
    parseDsse(published.countersignature as unknown as Json, `reading ${path}`)
    return Number.isSafeInteger(published.size) && typeof published.note === 'string' ? published : undefined
  } catch {
    return undefined
  }
}
