// SPDX-License-Identifier: Apache-2.0

import { type Clock, isSealwatchError } from '@sealwatch/base'
import { type ApiClient, ApiProblem } from '@sealwatch/contract/api'

const awayMsMax = 60_000
const againMs = 250

/** Whether it is worth asking again: nobody answered, or somebody who is not there yet. */
function isAway(error: unknown): boolean {
  if (isSealwatchError(error)) return awayCodes.includes(error.code)
  if (error instanceof ApiProblem) return error.problem.status === 503 || awayCodes.includes(error.problem.code)
  return ['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'UND_ERR_SOCKET'].includes(codeOf(error))
}

const awayCodes: readonly string[] = ['CLI_NOT_RUNNING', 'CLI_SERVER_FAILED', 'NOT_THE_API']

function codeOf(error: unknown): string {
  const { code, cause } = error as { readonly code?: string; readonly cause?: { readonly code?: string } }
  return cause?.code ?? code ?? ''
}

/** Asks until there is an answer: a server that was killed is started anew. What is asked may be done twice. */
export async function askUntilThere<T>(ask: () => Promise<T>, clock: Clock, signal: AbortSignal): Promise<T> {
  const fromMs = clock.nowMs()
  for (;;)
    try {
      return await ask()
    } catch (error) {
      if (!isAway(error) || clock.nowMs() - fromMs > awayMsMax || signal.aborted) throw error
      await clock.sleep(againMs, signal)
    }
}

/** The same API, asked until it answers. */
export const lasting = (api: ApiClient, clock: Clock, signal: AbortSignal): ApiClient => ({
  call: ((...asked: Parameters<ApiClient['call']>) =>
    askUntilThere(() => api.call(...asked), clock, signal)) as ApiClient['call'],
  ask: ((...asked: Parameters<ApiClient['ask']>) =>
    askUntilThere(() => api.ask(...asked), clock, signal)) as ApiClient['ask'],
})
