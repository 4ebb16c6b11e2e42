// SPDX-License-Identifier: Apache-2.0

import { type ErrorKind, SealwatchError } from '@sealwatch/base'
import type { Problem } from '@sealwatch/contract/api'
import { cliErrors } from './errors.ts'

/** What the server says went wrong, by its parts. */
export type Told = {
  readonly code: string
  readonly kind: ErrorKind
  readonly rule: string
  readonly received?: string
  readonly advice: string
}

/** The server's error as it is: its code is the one that documents and programs know. */
export const errorTold = ({ code, kind, rule, received, advice }: Told, attempted: string, cause: unknown) =>
  new SealwatchError(code, { kind, rule, advice }, { attempted, shown: received, cause })

const { CLI_DENIED, CLI_SERVER_FAILED } = cliErrors

/** The control socket answers before the API behind it is there. */
const starting = {
  code: 'CLI_SERVER_FAILED',
  kind: 'unavailable',
  rule: CLI_SERVER_FAILED.rule,
  received: 'a server that is starting',
  advice: 'Try again in a few seconds; ./sealwatch status says how far it is',
} as const satisfies Told

/** Where the server tells no more than a title (401 and 403 but to root, 500), the rest is ours. */
export function toldIn({ status, code, title, rule, received, advice, problems = [], request_id }: Problem): Told {
  if ((status === 401 || status === 403) && rule === undefined)
    return { ...CLI_DENIED, code, advice: `${CLI_DENIED.advice}${asked(request_id)}` }
  if (status === 503 && code === 'NOT_THE_API') return starting
  const kind = kindOf(status)
  if (rule === undefined)
    return {
      ...CLI_SERVER_FAILED,
      code,
      kind,
      received: title,
      advice: `${CLI_SERVER_FAILED.advice}${asked(request_id)}`,
    }
  if (problems.length > 0)
    return { code, kind, rule: problems.map(wrongPart).join('; '), advice: 'Correct that; --help shows an example' }
  return {
    code,
    kind,
    rule,
    advice: advice ?? CLI_SERVER_FAILED.advice,
    ...(received === undefined ? {} : { received }),
  }
}

const asked = (requestId: string) => (requestId === '' ? '' : `. The request was ${requestId}`)

/** `body.name: …` is the request's; whoever typed a command knows the name alone. */
const wrongPart = ({ at, rule }: { readonly at: string; readonly rule: string }) =>
  `${at.replace(/^(params|query|body)\.(?=.)/, '')}: ${rule}`

const kinds: Readonly<Record<number, ErrorKind>> = {
  401: 'denied',
  403: 'denied',
  404: 'not_found',
  409: 'conflict',
  412: 'conflict',
  429: 'exhausted',
}
const kindOf = (status: number): ErrorKind => kinds[status] ?? (status < 500 ? 'invalid' : 'unavailable')
