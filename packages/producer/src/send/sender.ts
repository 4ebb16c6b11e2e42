// SPDX-License-Identifier: Apache-2.0

import type { SignedRows, SubmissionOutcome } from '@sealwatch/contract'
import { producerError } from '../errors.ts'

/**
 * Sends some submissions and returns what became of each, in their order. Throws SEND_FAILED where that is not known, or
 * nothing was taken: they are sent again. Throws SEND_REFUSED where the request as a whole will never be taken.
 */
export type Sender = (submissions: readonly SignedRows[], signal: AbortSignal) => Promise<readonly SubmissionOutcome[]>

export type SenderOptions = {
  /** Origin of the control plane: https://HOST:PORT; on this machine http://127.0.0.1:PORT, too. */
  readonly url: string
  /** Asked before each request, so that a new one counts at once. White space around it, as in a file, is left out. */
  readonly token: () => string | Promise<string>
  /** Certificates (PEM) to trust besides those of the system. */
  readonly ca?: string
}

export const bearerOf = async ({ token }: SenderOptions): Promise<string> => `Bearer ${(await token()).trim()}`

/** An answer's word for when to come again, in milliseconds; a sender that is told so waits at least that long. */
export type RetryHint = { readonly retryAfterMs?: number }

export const sendFailed = (received: string, { retryAfterMs }: RetryHint = {}, cause?: unknown) =>
  Object.assign(producerError('SEND_FAILED', { attempted: 'sending submissions', received, cause }), { retryAfterMs })

export const sendRefused = (received: string) =>
  producerError('SEND_REFUSED', { attempted: 'sending submissions', received })

const outcomeTextMax = 512

/** The outcomes of an answer, strictly read: what a control plane says decides what is forgotten. */
export function outcomesOf(value: unknown, due: number): readonly SubmissionOutcome[] {
  const outcomes = Array.isArray(value) ? value.map(outcomeOf) : []
  if (outcomes.length !== due || outcomes.includes(undefined))
    throw sendFailed(`an answer without ${due} outcomes that are known`)
  return outcomes as SubmissionOutcome[]
}

function outcomeOf(value: unknown): SubmissionOutcome | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { outcome, leaf_index, mark, reason, item, code, detail, retry_after } = value as Record<string, unknown>
  const isText = (text: unknown): text is string => typeof text === 'string' && text.length <= outcomeTextMax
  switch (outcome) {
    case 'admitted':
      if (!Number.isSafeInteger(leaf_index) || !(mark === undefined || isText(mark))) return undefined
      return { kind: outcome, leafIndex: leaf_index as number, ...(mark !== undefined && { mark }) }
    case 'duplicate':
      return Number.isSafeInteger(leaf_index) ? { kind: outcome, leafIndex: leaf_index as number } : undefined
    case 'quarantined':
      return isText(reason) && isText(item) ? { kind: outcome, reason, item } : undefined
    case 'refused':
      if (!isText(code) || typeof detail !== 'string') return undefined
      return {
        kind: outcome,
        code,
        detail: detail.slice(0, outcomeTextMax),
        ...(typeof retry_after === 'number' && retry_after >= 0 && { retryAfter: retry_after }),
      }
    default:
      return undefined
  }
}
