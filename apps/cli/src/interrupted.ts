// SPDX-License-Identifier: Apache-2.0

import { Code, ConnectError } from '@connectrpc/connect'
import { isSealwatchError } from '@sealwatch/base'
import { cliError } from './errors.ts'
import type { Io } from './io.ts'

/** Whether it is what becomes of work that a signal cut off, and nothing else that went wrong meanwhile. */
function isOfStop(error: unknown): boolean {
  for (let inner = error; inner instanceof Error; inner = inner.cause)
    if (inner.name === 'AbortError' || (inner instanceof ConnectError && inner.code === Code.Canceled)) return true
  return false
}

/** The error as CLI_INTERRUPTED where it is that; any other stays what it is. */
export function toldIfInterrupted(error: unknown, { stop }: Pick<Io, 'stop'>, advice?: string): unknown {
  if (!stop.aborted || !isOfStop(error) || isSealwatchError(error, 'CLI_INTERRUPTED')) return error
  const attempted = isSealwatchError(error) ? error.attempted : 'what was asked for'
  return cliError('CLI_INTERRUPTED', { attempted, cause: error, ...(advice !== undefined && { advice }) })
}
