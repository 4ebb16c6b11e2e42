// SPDX-License-Identifier: Apache-2.0

import { randomUUID } from 'node:crypto'
import { type Clock, createBell, isSealwatchError, messageOf, systemClock, systemRandom } from '@sealwatch/base'
import { type SubmissionOutcome, submissionLimits } from '@sealwatch/contract'
import { waitMs } from './backoff.ts'
import type { OutboxDepth, OutboxStore, Pending, WaitingRow } from './outbox/outbox.ts'
import type { Sender } from './send/sender.ts'
import { ndjsonForm, type SignForm, signRows } from './sign-rows.ts'
import type { RowSigner } from './signer.ts'

/** How long a forwarder that died keeps the others out, and how long one request may take of it. */
export const leaseMs = 30_000
export const requestMsMax = 10_000
/** Signed and not sent: bounds what a crash sends again, and what is held in memory. */
export const pendingMax = 16
const pollMs = 500
const depthEveryMs = 5_000

export type ForwarderMetrics = OutboxDepth & {
  /** Rows, since this forwarder began. */
  readonly sent: Readonly<Record<'admitted' | 'duplicate' | 'quarantined' | 'parked', number>>
  /** Tries in a row that failed; 0: the last one went through. */
  readonly failures: number
  /** It sends; false: another one does. */
  readonly leading: boolean
}

export type ForwarderOptions = {
  readonly outbox: OutboxStore
  readonly signer: RowSigner
  readonly send: Sender
  /** What is signed; detached NDJSON unless said. */
  readonly sign?: SignForm
  /** After each round, and every few seconds. */
  readonly onMetrics?: (metrics: ForwarderMetrics) => void
  /** What is tried again, and rows that are parked. */
  readonly onError?: (error: unknown) => void
  readonly clock?: Clock
  readonly random?: () => number
}

export type Forwarder = {
  /** Sends until the signal fires; what is under way then is settled. Never rejects. */
  run(signal: AbortSignal): Promise<void>
  /** Rows were committed: saves it the wait until it looks by itself. */
  wake(): void
}

/**
 * Takes rows from an outbox in their order, signs many at once, and sends them until the control plane has them. Where it
 * stops, however it stops, the next one goes on: the id of a submission is in the database before it is sent, and what is
 * sent twice under one id is stored once (submission.md, 5.4).
 */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const { outbox, signer, send, sign = ndjsonForm, onMetrics, onError } = options
  const { clock = systemClock, random = systemRandom } = options
  const holder = randomUUID()
  const bell = createBell()
  const sent = { admitted: 0, duplicate: 0, quarantined: 0, parked: 0 }
  let failures = 0
  let leading = false
  let toldMs = Number.NEGATIVE_INFINITY

  /** Rows become submissions, in their order, while few of these wait. */
  async function group(signal: AbortSignal): Promise<readonly Pending[]> {
    for (;;) {
      const due = await outbox.due(pendingMax)
      if (due.length === pendingMax || signal.aborted) return due
      const rows = await outbox.waiting(submissionLimits.rowsMax)
      if (rows.length === 0) return due
      await groupSome(rows, signal)
    }
  }

  async function groupSome(rows: readonly WaitingRow[], signal: AbortSignal): Promise<void> {
    const bytesMax = Math.min(submissionLimits.payloadBytesMax, signer.messageBytesMax - overheadOf(sign))
    const some = fitting(rows, bytesMax)
    if (some.length > 0) {
      const patience = AbortSignal.any([signal, AbortSignal.timeout(requestMsMax)])
      const signed = await signRows(
        signer,
        some.map(({ text }) => text),
        sign,
        patience,
      )
      await outbox.group(holder, some, signed)
      return
    }
    const [row] = rows as [WaitingRow]
    await outbox.parkRow(holder, row, `PRODUCER_ROW: the signer takes at most ${bytesMax} bytes`)
    sent.parked += 1
  }

  /** Sends what is next; true: something was settled. */
  async function round(signal: AbortSignal): Promise<boolean> {
    const due = fittingRequest(await group(signal))
    if (due.length === 0 || signal.aborted) return false
    // The lease outlasts the request, so that nobody else sends meanwhile.
    if (!(await outbox.lease(holder, leaseMs))) return false
    await settle(due, await outcomesOf(due))
    return true
  }

  /** Not cut short by a stop: what the control plane says then is worth the wait. */
  async function outcomesOf(due: readonly Pending[]): Promise<readonly SubmissionOutcome[]> {
    try {
      return await send(due, AbortSignal.timeout(requestMsMax))
    } catch (error) {
      if (!isSealwatchError(error, 'SEND_REFUSED')) throw error
      // One of them spoils the request: alone it shows which.
      if (due.length > 1) return outcomesOf(due.slice(0, 1))
      return [{ kind: 'refused', code: error.code, detail: error.received ?? error.message }]
    }
  }

  async function settle(due: readonly Pending[], outcomes: readonly SubmissionOutcome[]): Promise<void> {
    const done: number[] = []
    const parked: { seq: number; reason: string }[] = []
    let later: Refusal | undefined
    for (const [i, outcome] of outcomes.entries()) {
      const { seq, rows } = due[i] as Pending
      if (outcome.kind !== 'refused') {
        done.push(seq)
        sent[outcome.kind] += rows
      } else if (outcome.retryAfter === undefined) {
        parked.push({ seq, reason: reasonOf(outcome) })
        sent.parked += rows
      } else later ??= outcome
    }
    await outbox.settle(done, parked)
    for (const { reason } of parked) onError?.(new Error(`a submission was parked: ${reason}`))
    if (later === undefined) return
    const error = new Error(`refused for now: ${reasonOf(later)}`)
    throw Object.assign(error, { retryAfterMs: (later.retryAfter ?? 0) * 1000 })
  }

  async function tell(isDue: boolean): Promise<void> {
    const nowMs = clock.nowMs()
    if (onMetrics === undefined || (!isDue && nowMs - toldMs < depthEveryMs)) return
    toldMs = nowMs
    onMetrics({ ...(await outbox.depth()), sent: { ...sent }, failures, leading })
  }

  async function step(signal: AbortSignal): Promise<void> {
    const woken = waitForWork(signal)
    try {
      leading = await outbox.lease(holder, leaseMs)
      const isBusy = leading && (await round(signal))
      failures = 0
      await tell(false)
      if (!isBusy) await woken.promise
    } catch (error) {
      onError?.(error)
      failures += 1
      await tell(true).catch(() => undefined)
      await clock.sleep(waitMs(failures, retryAfterOf(error), random), signal)
    } finally {
      woken.cancel()
    }
  }

  /** Until rows are announced, or it is time to look. Listening begins at once, so that no ring is lost. */
  function waitForWork(signal: AbortSignal): { readonly promise: Promise<void>; cancel(): void } {
    const over = new AbortController()
    const either = AbortSignal.any([signal, over.signal])
    const promise = Promise.race([bell.wait(either), clock.sleep(pollMs, either)]).finally(() => over.abort())
    return { promise, cancel: () => over.abort() }
  }

  return {
    wake: bell.ring,
    run: async (signal) => {
      while (!signal.aborted) await step(signal)
      await outbox.release(holder).catch((error: unknown) => onError?.(error))
      await tell(true).catch((error: unknown) => onError?.(new Error(messageOf(error))))
    },
  }
}

type Refusal = SubmissionOutcome & { readonly kind: 'refused' }

/** The server's own words begin with the code. */
const reasonOf = ({ code, detail }: Refusal) => (detail.startsWith(`${code} `) ? detail : `${code}: ${detail}`)

/** What the pre-authentication encoding adds. */
const overheadOf = ({ form, payloadType }: SignForm) => (form === 'dsse' ? 64 + 2 * payloadType.length : 0)

/** The first of the rows that one signature may be over. */
function fitting(rows: readonly WaitingRow[], bytesMax: number): readonly WaitingRow[] {
  let bytes = 0
  const end = rows.findIndex(({ text }, i) => {
    bytes += Buffer.byteLength(text) + 1
    // A row alone has no newline (submission.md, 2.2).
    return bytes - (i === 0 ? 1 : 0) > bytesMax
  })
  return end < 0 ? rows : rows.slice(0, end)
}

function fittingRequest(due: readonly Pending[]): readonly Pending[] {
  let bytes = 0
  const end = due.findIndex(({ payload }) => {
    bytes += payload.length
    return bytes > submissionLimits.requestBytesMax
  })
  return end < 0 ? due : due.slice(0, end)
}

const retryAfterOf = (error: unknown): number | undefined =>
  (error as { retryAfterMs?: number } | undefined)?.retryAfterMs
