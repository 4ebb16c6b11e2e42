// SPDX-License-Identifier: Apache-2.0

import { type Clock, type Disk, isSealwatchError, type Log } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { sha256 } from '../sha256.ts'
import type { Cosigner } from './cosigner.ts'
import { type Authentic, authenticate, decide, type LastCosigned, type WitnessedLog } from './decide.ts'
import { logIdOf, type WitnessPlaces } from './places.ts'
import { openCosigner, readLogs } from './registry.ts'
import { parseSubmission, type ReadSubmission } from './request.ts'
import { readState, swapState } from './state.ts'
import { openSplitViewWatch, type SplitViewCounts } from './watch.ts'

/** An answer to `add-checkpoint`, ready for HTTP. */
export type WitnessAnswer = { readonly status: number; readonly type: string; readonly body: string }

export type WitnessLogStatus = {
  readonly origin: string
  readonly keys: readonly string[]
  readonly size: number
  /** Base64. */
  readonly root: string
  /** Unix seconds; 0: nothing was cosigned yet. */
  readonly cosignedAtS: number
}

export type Witness = {
  readonly cosigner: Cosigner
  /**
   * Judges the body of a request. Never rejects for what others sent; rejects, and must not be asked again, when the
   * disk leaves it in doubt what is durable.
   */
  addCheckpoint(body: Uint8Array): Promise<WitnessAnswer>
  /** The last checkpoint of the log whose origin has this SHA-256, in hex, with our cosignature. */
  latest(id: string): string | undefined
  /** Takes up logs and keys that were added since. */
  reload(): Promise<void>
  logs(): readonly WitnessLogStatus[]
  splitViews(): SplitViewCounts
}

export type WitnessOptions = {
  readonly disk: Disk
  readonly places: WitnessPlaces
  readonly clock: Clock
  readonly log: Log
}

/** Requests for one log that wait for their turn; further ones are told to come again. */
const waitingMax = 16

type Followed = { log: WitnessedLog; last: LastCosigned; waiting: number; turn: Promise<unknown> }

/** To be opened under the lock: one process alone cosigns from a data directory. */
export async function openWitness({ disk, places, clock, log }: WitnessOptions): Promise<Witness> {
  const cosigner = await openCosigner(disk, places)
  const watch = await openSplitViewWatch({ disk, places, clock, log })
  const followed = new Map<string, Followed>()

  async function reload(): Promise<void> {
    for (const each of await readLogs(disk, places)) {
      const id = logIdOf(each.origin)
      const known = followed.get(id)
      if (known !== undefined) known.log = each
      else
        followed.set(id, {
          log: each,
          last: await readState(disk, places, each.origin),
          waiting: 0,
          turn: Promise.resolve(),
        })
    }
  }

  async function addCheckpoint(body: Uint8Array): Promise<WitnessAnswer> {
    const submission = read(body)
    if ('status' in submission) return submission
    const entry = followed.get(logIdOf(submission.checkpoint.origin))
    if (entry === undefined) return refuse(404, 'this witness does not know the log')
    const authentic = authenticate(entry.log, submission, verifyEd25519)
    if (authentic === undefined) return refuse(403, 'no signature by a key that this witness knows for the log')
    if (entry.waiting >= waitingMax) return refuse(503, 'too many requests for this log at once')
    entry.waiting += 1
    const answer = entry.turn.then(() => judge(entry, authentic))
    entry.turn = answer.catch(() => undefined)
    return answer.finally(() => {
      entry.waiting -= 1
    })
  }

  /** One at a time for each log: nothing moves between the comparison and the swap. */
  async function judge(entry: Followed, submission: Authentic): Promise<WitnessAnswer> {
    const { origin } = entry.log
    const decision = decide(sha256, entry.last, submission)
    try {
      switch (decision.kind) {
        case 'bad_request':
          return refuse(400, decision.reason)
        case 'conflict':
          if (decision.contradiction !== undefined) await watch.saw(origin, decision.contradiction)
          return { status: 409, type: 'text/x.tlog.size', body: `${decision.size}\n` }
        case 'bad_proof':
          if (decision.contradiction !== undefined) await watch.saw(origin, decision.contradiction)
          return refuse(422, `the proof does not lead from ${entry.last.size} to ${submission.checkpoint.size}`)
        case 'cosign':
          return await cosign(entry, submission)
      }
    } catch (error) {
      if (!isSealwatchError(error) || !passing.has(error.code)) throw error
      log.critical('the witness cannot write, and cosigns nothing until it can', { origin, error })
      return refuse(503, 'this witness cannot write at present')
    }
  }

  async function cosign(entry: Followed, { checkpoint, text, note }: Authentic): Promise<WitnessAnswer> {
    const { origin } = entry.log
    const { size, root } = checkpoint
    // A clock that was set back must not make a later word look like an earlier one.
    const timeS = Math.max(Math.floor(clock.nowMs() / 1000), entry.last.timeS)
    const next: LastCosigned = { size, root, note, timeS }
    await swapState(disk, places, origin, entry.last, next)
    // Durable, and not said yet. If we stop here, the log asks again, hears of this size, and has it cosigned.
    entry.last = next
    await watch.proved(origin, next)
    return { status: 200, type: 'text/plain; charset=utf-8', body: cosigner.cosign(text, timeS) }
  }

  await reload()
  return {
    cosigner,
    addCheckpoint,
    latest: (id) => {
      const last = followed.get(id)?.last
      return last?.note === undefined ? undefined : last.note + cosigner.cosign(textOf(last.note), last.timeS)
    },
    reload,
    logs: () =>
      [...followed.values()].map(({ log: { origin, vkeys }, last }) => ({
        origin,
        keys: vkeys,
        size: last.size,
        root: last.root.toBase64(),
        cosignedAtS: last.timeS,
      })),
    splitViews: () => watch.counts(),
  }
}

/** After these nothing was written: the state before still holds. */
const passing = new Set(['DISK_FULL', 'DISK_READ_ONLY'])

function read(body: Uint8Array): ReadSubmission | WitnessAnswer {
  try {
    return parseSubmission(body)
  } catch (error) {
    if (!isSealwatchError(error)) throw error
    return refuse(400, `${error.rule}; received ${error.received ?? ''}`)
  }
}

const refuse = (status: number, reason: string): WitnessAnswer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${reason}\n`,
})

const textOf = (note: string) => note.slice(0, note.lastIndexOf('\n\n') + 1)
