// SPDX-License-Identifier: Apache-2.0

import { Code, ConnectError } from '@connectrpc/connect'
import { type ErrorKind, type ErrorTable, errorsOf, isSealwatchError } from '@sealwatch/base'

export const apiErrors = {
  API_INVALID: {
    kind: 'invalid',
    rule: 'a request must hold values within their limits',
    advice: 'Correct the value named',
  },
  API_NOT_FOUND: {
    kind: 'not_found',
    rule: 'what is asked for must be in the ledger',
    advice: 'List what there is: ./sealwatch alerts, ./sealwatch events',
  },
  API_STOPPING: {
    kind: 'unavailable',
    rule: 'an answer is whole, or it says that it is not',
    advice: 'The server stops: ask again once it is back',
  },
  FEED_TOO_MANY: {
    kind: 'exhausted',
    rule: 'a principal, and a tenant, may have so many feeds open (docs/api.md, Feed)',
    advice:
      'Close those that nobody listens to, or raise SEALWATCH_SERVER_FEED_PER_PRINCIPAL and SEALWATCH_SERVER_FEED_PER_TENANT',
  },
  FEED_CURSOR: {
    kind: 'invalid',
    rule: 'a feed goes on from a place that the ledger has come to',
    advice:
      'Leave the cursor out to begin with what comes; a ledger that is shorter than it was is a matter for its owner',
  },
  API_SOCKET: {
    kind: 'fatal',
    rule: 'the control socket must be the only one at its path',
    advice: 'Stop the other instance (./sealwatch down), then start again',
  },
} as const satisfies ErrorTable
export const apiError = errorsOf(apiErrors)

const codes: Readonly<Record<ErrorKind, Code>> = {
  invalid: Code.InvalidArgument,
  unverified: Code.FailedPrecondition,
  conflict: Code.FailedPrecondition,
  not_found: Code.NotFound,
  denied: Code.PermissionDenied,
  exhausted: Code.ResourceExhausted,
  unavailable: Code.Unavailable,
  fatal: Code.Internal,
}

/** The error by its parts, so that the command line does not wrap one sentence into another. */
const errorHeader = 'sealwatch-error'

/** The caller is root on this machine: it may read what failed, in full. */
export function connectErrorOf(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error
  return isSealwatchError(error)
    ? new ConnectError(error.message, codes[error.kind], { [errorHeader]: encodeURIComponent(JSON.stringify(error)) })
    : new ConnectError(`unexpected: ${String(error)}`, Code.Internal)
}
