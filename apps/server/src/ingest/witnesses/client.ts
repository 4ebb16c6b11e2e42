// SPDX-License-Identifier: Apache-2.0

import { type Clock, type Log, messageOf } from '@sealwatch/base'
import type { Outgoing, OutgoingInit } from '@sealwatch/base/outgoing'
import { verifyEd25519 } from '@sealwatch/keys'
import {
  formatSignature,
  type Hash,
  type NoteVerifier,
  type PolicyWitness,
  parseSignatures,
  verifyCosignatures,
} from '@sealwatch/ledger'
import { formatSubmission, logIdOf } from '@sealwatch/ledger/witness'
import { judgeTheirs, originOf, type RootCheckpoint, type SplitViewFound } from './split-view.ts'

export type WitnessClientOptions = {
  readonly witness: PolicyWitness & { readonly url: string }
  readonly logKeys: readonly NoteVerifier[]
  readonly call: Outgoing
  readonly consistency: (oldSize: number, newSize: number) => Hash[]
  readonly clock: Clock
  /** From 0 to 1, for spreading attempts in time. */
  readonly random: () => number
  readonly log: Log
  readonly onSplitView: (found: SplitViewFound) => void
}

export type WitnessStatus = {
  readonly name: string
  readonly url: string
  /** The largest tree it cosigned for us. */
  readonly size: number | undefined
  readonly cosignedAtMs: number | undefined
  /** Why the last attempt gave no cosignature. */
  readonly failing: string | undefined
}

/** One witness, asked for one checkpoint at a time. */
export type WitnessClient = {
  /** Its signature line over the checkpoint; undefined when there is none to be had now. Never rejects. */
  cosign(checkpoint: RootCheckpoint, signal: AbortSignal): Promise<string | undefined>
  readonly status: WitnessStatus
}

export const witnessDeadlineMs = 5_000
export const answerBytesMax = 64 * 1024
const attemptsMax = 3
const backoffMinMs = 1_000
const backoffMaxMs = 300_000
const aheadSMax = 600

export function createWitnessClient(options: WitnessClientOptions): WitnessClient {
  const { witness, clock, random, log } = options
  const { name, key } = witness
  const prefix = witness.url.replace(/\/+$/, '')
  let size: number | undefined
  let cosignedAtMs: number | undefined
  let failing: string | undefined
  let failures = 0
  let nextAtMs = 0
  let isAsking = false
  let last: { text: string; line: string } | undefined

  async function cosign(checkpoint: RootCheckpoint, signal: AbortSignal): Promise<string | undefined> {
    const text = textOf(checkpoint.note)
    if (last?.text === text) return last.line
    if (isAsking || clock.nowMs() < nextAtMs) return undefined
    isAsking = true
    try {
      const line = await within(clock, signal, (ended) => ask(checkpoint, text, ended))
      last = { text, line }
      size = checkpoint.size
      cosignedAtMs = clock.nowMs()
      if (failing !== undefined) log.info('a witness cosigns again', { witness: name })
      failing = undefined
      failures = 0
      return line
    } catch (error) {
      fail(messageOf(error))
      return undefined
    } finally {
      isAsking = false
    }
  }

  function fail(reason: string): void {
    if (failing !== reason) log.warn('a witness gave no cosignature', { witness: name, url: prefix, reason })
    failing = reason
    const delayMs = Math.min(backoffMinMs * 2 ** failures, backoffMaxMs)
    failures += 1
    nextAtMs = clock.nowMs() + delayMs * (0.5 + random() / 2)
  }

  async function ask(checkpoint: RootCheckpoint, text: string, signal: AbortSignal): Promise<string> {
    let oldSize = Math.min(size ?? 0, checkpoint.size)
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const proof = options.consistency(oldSize, checkpoint.size)
      const body = formatSubmission({ oldSize, proof, note: checkpoint.note })
      const answer = await call('/add-checkpoint', { method: 'POST', body, signal })
      if (answer.status === 200) return cosignatureIn(answer.text, text)
      if (answer.status === 422) throw await splitView('not_extended', oldSize, checkpoint, signal)
      if (answer.status !== 409) throw new Error(`it answered ${answer.status}${reasonOf(answer.status)}`)
      const theirSize = sizeIn(answer)
      if (theirSize > checkpoint.size) throw await splitView('larger', theirSize, checkpoint, signal)
      if (theirSize === oldSize && oldSize === checkpoint.size)
        throw await splitView('same_size', theirSize, checkpoint, signal)
      if (theirSize === oldSize) throw new Error(`it answered 409 and the size ${oldSize}, which it was given`)
      oldSize = theirSize
    }
    throw new Error(`it named another size ${attemptsMax} times`)
  }

  function cosignatureIn(lines: string, text: string): string {
    const attempted = `reading the cosignature of ${name}`
    const [found] = verifyCosignatures(
      { text, signatures: parseSignatures(lines, attempted) },
      [key],
      verifyEd25519,
      attempted,
    )
    if (found === undefined) throw new Error('its answer has no cosignature by its key')
    if (found.timeS > clock.nowMs() / 1000 + aheadSMax)
      throw new Error(`its cosignature is of the future: ${found.timeS}`)
    return formatSignature(found.signature)
  }

  /** Tells of it once for as long as the witness says so, and returns what to fail with. */
  async function splitView(
    kind: SplitViewFound['kind'],
    theirSize: number,
    ours: RootCheckpoint,
    signal: AbortSignal,
  ): Promise<Error> {
    const reason = `it knows another tree of this log (${kind}, its size ${theirSize})`
    if (failing === reason) return new Error(reason)
    const shown = await latestOf(ours, signal)
    const theirs = shown === undefined ? undefined : judgeTheirs(ours, shown, options.logKeys, options.consistency)
    options.onSplitView({
      witness: name,
      kind,
      theirSize,
      ours: ours.note,
      theirs: theirs?.note,
      proven: theirs?.contradicts === true,
    })
    return new Error(reason)
  }

  /** The witness's own checkpoint of this log, from those that show it (witness.md, 3). */
  async function latestOf(ours: RootCheckpoint, signal: AbortSignal): Promise<string | undefined> {
    try {
      const answer = await call(`/checkpoint/${logIdOf(originOf(ours))}`, { method: 'GET', signal })
      return answer.status === 200 ? answer.text : undefined
    } catch {
      return undefined
    }
  }

  async function call(path: string, init: OutgoingInit): Promise<{ status: number; type: string; text: string }> {
    const response = await options.call(`${prefix}${path}`, init)
    const type = response.headers.get('content-type') ?? ''
    return {
      status: response.status,
      type,
      text: new TextDecoder('utf-8', { fatal: true }).decode(await response.arrayBuffer()),
    }
  }

  return {
    cosign,
    get status() {
      return { name, url: prefix, size, cosignedAtMs, failing }
    },
  }
}

const textOf = (note: string) => note.slice(0, note.lastIndexOf('\n\n') + 1)

const reasonOf = (status: number) =>
  ({ 403: ': it has another key for this log', 404: ': it does not know this log' })[status] ?? ''

function sizeIn({ type, text }: { readonly type: string; readonly text: string }): number {
  const size = Number(/^(0|[1-9]\d{0,15})\n$/.exec(text)?.[1] ?? Number.NaN)
  if (!type.startsWith('text/x.tlog.size') || !Number.isSafeInteger(size))
    throw new Error('it answered 409 without the size of its tree')
  return size
}

/** Ends with the signal or after the deadline, whatever becomes of the work. */
async function within<T>(clock: Clock, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const done = new AbortController()
  const ended = new AbortController()
  const stop = new Promise<never>((_, reject) => {
    const end = (reason: string) => {
      ended.abort()
      reject(new Error(reason))
    }
    if (signal.aborted) end('the server stops')
    signal.addEventListener('abort', () => end('the server stops'), { signal: done.signal })
    void clock.sleep(witnessDeadlineMs, done.signal).then(() => end(`no answer within ${witnessDeadlineMs} ms`))
  })
  try {
    return await Promise.race([work(ended.signal), stop])
  } finally {
    done.abort()
  }
}
