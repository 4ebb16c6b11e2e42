// SPDX-License-Identifier: Apache-2.0

import { Code, ConnectError } from '@connectrpc/connect'
import { type ErrorKind, isSealwatchError, type SealwatchError } from '@sealwatch/base'

const codes = {
  invalid: Code.InvalidArgument,
  unverified: Code.Unauthenticated,
  conflict: Code.FailedPrecondition,
  not_found: Code.NotFound,
  denied: Code.PermissionDenied,
  exhausted: Code.ResourceExhausted,
  unavailable: Code.Unavailable,
  fatal: Code.Internal,
} as const satisfies Record<ErrorKind, Code>

/** What a caller learns of an error: everything of ours but what went wrong inside, nothing of anybody else's. */
export function connectErrorOf(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error
  if (isSealwatchError(error) && error.kind !== 'fatal')
    return new ConnectError(error.message, codes[error.kind], { 'sealwatch-error': error.code, ...retryAfter(error) })
  return new ConnectError('the server failed; see its log', Code.Internal)
}

/** In seconds, as HTTP has it. */
const retryAfter = ({ waitMs }: SealwatchError) =>
  waitMs === undefined ? {} : { 'retry-after': String(Math.ceil(waitMs / 1000)) }
