// SPDX-License-Identifier: Apache-2.0
// RFC 9457. A client learns what it did wrong; of what it may not know, and of our own faults, no more than a safe
// message (DET-5). The rest is in the log and, where it matters, in the ledger, under the request's id.

import { type ErrorKind, type ErrorTable, errorsOf, isSealwatchError } from '@sealwatch/base'

export const httpErrors = {
  CREDENTIALS_INVALID: {
    kind: 'denied',
    rule: 'a request comes with a session or a token that is valid now (docs/sign-in.md)',
    advice: 'Log in again, or make a new token: `sealwatch token create`',
  },
  ORIGIN_FOREIGN: {
    kind: 'denied',
    rule: 'what changes something comes from our own pages, with the token of their session',
    advice: 'Reload the page; other programs use an API token',
  },
  HOST_FOREIGN: {
    kind: 'denied',
    rule: 'a request in plain HTTP is for this machine, by its own name or by the one of SEALWATCH_SERVER_PUBLIC_ORIGIN, and did not come to a proxy in the open where that is https',
    advice:
      'Set SEALWATCH_SERVER_PUBLIC_ORIGIN to the origin that browsers see, or ask for localhost; let the proxy send those who come in the open to https',
  },
  REQUEST_BLOCKED: {
    kind: 'denied',
    rule: 'a request that a proxy asks about is no attack, by the thresholds of its tenant (docs/detection.md, The verdict)',
    advice: 'Look up the alert `request_threat` of the same request id in the ledger',
  },
  TENANT_SWITCHED: {
    kind: 'conflict',
    rule: 'a request acts in the tenant of its session or token, and no other',
    advice: 'The session went on to another tenant: reload the page',
  },
  REQUEST_INVALID: {
    kind: 'invalid',
    rule: 'a request has the form that the OpenAPI document gives it (/api/v1/openapi.json)',
    advice: 'Look there for that form, and correct what was received',
  },
  REQUEST_TOO_LARGE: {
    kind: 'invalid',
    rule: 'a body has so many bytes and values at most as its route takes (/api/v1/openapi.json); a URL 8 KiB, and all headers together 16 KiB',
    advice: 'Send less at a time',
  },
  ROUTE_UNKNOWN: {
    kind: 'not_found',
    rule: 'the path and the method are those of the OpenAPI document (/api/v1/openapi.json)',
    advice: 'Look there for what there is',
  },
  OBJECT_UNKNOWN: { kind: 'not_found', rule: 'the object is one of this tenant', advice: 'List what there is' },
  RATE_EXCEEDED: {
    kind: 'exhausted',
    rule: 'a tenant, and an address, may ask so often, and for so much at once (docs/access.md)',
    advice: 'Wait as long as Retry-After says',
  },
  IDEMPOTENCY_REUSED: {
    kind: 'conflict',
    rule: 'an Idempotency-Key stands for one request',
    advice: 'Draw a new key for another request; wait for one that is under way',
  },
  IDEMPOTENCY_UNFINISHED: {
    kind: 'conflict',
    rule: 'a request that failed on our side, or was under way when the server stopped, is not done again under its key',
    advice: 'Look whether it was done; if it was not, send it under a new key',
  },
  IDEMPOTENCY_FULL: {
    kind: 'exhausted',
    rule: 'a tenant has at most 10,000 keys in 24 hours (docs/api.md)',
    advice: 'Wait as long as Retry-After says, or send requests without a key that may be done twice',
  },
  UPGRADE_NEEDED: {
    kind: 'invalid',
    rule: 'the feed is a WebSocket (RFC 6455; docs/api.md, Feed)',
    advice: 'Open it as one: new WebSocket(…) in a browser',
  },
  NOT_AVAILABLE: {
    kind: 'unavailable',
    rule: 'the engine behind this endpoint is built',
    advice: 'README, "Not yet built", says what comes',
  },
} as const satisfies ErrorTable
export const httpError = errorsOf(httpErrors)

export type Problem = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  /** The rule, and what was received, in one sentence. */
  readonly detail?: string
  readonly rule?: string
  readonly received?: string
  readonly advice?: string
  readonly request_id: string
  /** What is wrong with which part of the request. */
  readonly problems?: readonly { readonly at: string; readonly rule: string }[]
}

/** An error with more to tell than a sentence: its members stand beside those of the problem (RFC 9457, 3.2). */
export class Explained extends Error {
  readonly members: Readonly<Record<string, unknown>>
  constructor(cause: Error, members: Readonly<Record<string, unknown>>) {
    super(cause.message, { cause })
    this.members = members
  }
}

const statuses: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unverified: 400,
  denied: 403,
  not_found: 404,
  conflict: 409,
  exhausted: 429,
  unavailable: 503,
  fatal: 500,
}
const statusOfCode: Readonly<Record<string, number>> = {
  DISK_FULL: 503,
  CREDENTIALS_INVALID: 401,
  SESSION_NONE: 401,
  LOGIN_FOREIGN: 401,
  LOGIN_UNPROVEN: 401,
  REQUEST_TOO_LARGE: 413,
  CONTEXT_TOO_LARGE: 413,
  NOT_AVAILABLE: 501,
  IDEMPOTENCY_REUSED: 422,
  UPGRADE_NEEDED: 426,
  POLICY_INVALID: 422,
  POLICY_CHECK_TOO_LONG: 422,
}

const titles: Readonly<Record<number, string>> = {
  400: 'Invalid request',
  401: 'Invalid credentials',
  403: 'Access denied',
  404: 'Not found',
  409: 'Conflict',
  412: 'Changed meanwhile',
  413: 'Too large',
  422: 'Cannot be done as it is',
  426: 'Upgrade required',
  429: 'Too many requests',
  500: 'Internal error',
  501: 'not_available',
  503: 'Unavailable',
}

/** DET-5 */
const titleOfCode: Readonly<Record<string, string>> = {
  HOST_FOREIGN: 'Request blocked for security reasons',
  ORIGIN_FOREIGN: 'Request blocked for security reasons',
  REQUEST_BLOCKED: 'Request blocked for security reasons',
}

/** Of these a client learns the title alone, unless it is root: the rest would tell what is there, or how we look inside. */
const isSafe = (status: number) => status !== 401 && status !== 403 && status !== 500

/** `problems`: of a request that its schema refused. `isRoot`: whoever asks may know why it is denied, and can do something about it. */
export function problemOf(error: unknown, requestId: string, problems?: Problem['problems'], isRoot = false): Problem {
  if (error instanceof Explained) {
    const problem = problemOf(error.cause, requestId, undefined, isRoot)
    return isSafe(problem.status) ? { ...error.members, ...problem } : problem
  }
  const known = isSealwatchError(error) ? error : undefined
  const status = known === undefined ? 500 : (statusOf(known.code) ?? statuses[known.kind])
  const code = known === undefined || status === 500 ? 'INTERNAL' : known.code
  return {
    type: `https://sealwatch.dev/problems/${code.toLowerCase().replaceAll('_', '-')}`,
    title: titleOfCode[code] ?? titles[status] ?? 'Error',
    status,
    code,
    ...(known !== undefined && (isSafe(status) || (isRoot && status !== 500))
      ? {
          detail: known.received === undefined ? known.rule : `${known.rule}; received ${known.received}`,
          rule: known.rule,
          ...(known.received === undefined ? {} : { received: known.received }),
          advice: known.advice,
        }
      : {}),
    request_id: requestId,
    ...(problems === undefined ? {} : { problems }),
  }
}

/** RFC 9110, 10.2.3: with every 429. What is full and not merely asked too often is the same in a second. */
export function retryAfterOf(error: unknown, { status }: Problem): Readonly<Record<string, string>> {
  if (status !== 429) return {}
  const waitMs = isSealwatchError(error) ? error.waitMs : undefined
  return { 'retry-after': String(waitMs === undefined ? fullSeconds : Math.max(1, Math.ceil(waitMs / 1000))) }
}
const fullSeconds = 60

/** Where a room gives its code a status of its own, it says so in its name. */
const statusOf = (code: string): number | undefined =>
  statusOfCode[code] ?? (code.endsWith('_CHANGED_MEANWHILE') ? 412 : undefined)
