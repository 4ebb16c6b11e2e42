// SPDX-License-Identifier: Apache-2.0

import { compilePaths, pathFault } from '@sealwatch/contract/policy-values'
import { compilePattern, parsePattern } from '@sealwatch/contract/wildcard'
import type { RequestContext } from '@sealwatch/detect/request'
import { type DetectorName, detectorNames, type Weighed } from '@sealwatch/detect/verdict'
import { ruleError } from '../errors.ts'

/** What does not count of requests: all that a detector says, or one thing that it says, where a route is asked for. */
export type RequestMatter = {
  readonly detector: DetectorName
  /** As reasons have it: the number of a rule, the kind of a signal, a feed, a feature; null: all that the detector says. */
  readonly id: string | null
  /** null: any. */
  readonly method: string | null
  /** A pattern: `*` and `?` within a segment, `**` for whole segments. */
  readonly route: string
  /** A pattern of the place in the request, as in `ARGS_GET:q`; null: wherever. */
  readonly where: string | null
}
export type RequestEvidence = Pick<Weighed, 'detector' | 'id' | 'where'>
type Asked = Pick<RequestContext, 'method' | 'path' | 'route'>

/** Longer paths are of no route that somebody excepts. */
const pathCharsMax = 2_048
/** Two programs may read such a path as two: dots, empty and encoded segments, parameters of segments, bytes that are no ASCII. */
const ambiguous = /\/\/|\\|;|\/\.{1,2}(?:\/|$)|%(?:2[ef5]|5c|3b|[01][0-9a-f]|7f)|[^\x21-\x7e]/i

/** The service's own name for what was called, else the path, where it means one thing to everybody. */
const routeOf = ({ route, path }: Asked): string | undefined =>
  route ?? (path.length > pathCharsMax || ambiguous.test(path) ? undefined : path)

/** Throws EXCEPTION_INVALID. */
export function checkRequestMatter({ route, detector }: RequestMatter, attempted: string): void {
  const fault = pathFault(route)
  if (fault !== undefined)
    throw ruleError('EXCEPTION_INVALID', { attempted, received: `${route}: ${fault.rule}`, advice: fault.suggestion })
  if (!detectorNames.includes(detector)) throw ruleError('EXCEPTION_INVALID', { attempted, received: detector })
}

/** Is a request one that the exception is about; and if it is, which of its evidence? */
export function createRequestExceptionJudge({ detector, id, method, route, where }: RequestMatter) {
  const isRoute = compilePaths([route])
  const isPlace = where === null ? () => true : compilePattern(parsePattern(where))
  return {
    isAbout: (asked: Asked): boolean => {
      if (method !== null && method !== asked.method) return false
      const called = routeOf(asked)
      return called !== undefined && isRoute(called) !== undefined
    },
    excepts: (evidence: RequestEvidence): boolean =>
      evidence.detector === detector && (id === null || evidence.id === id) && isPlace(evidence.where ?? ''),
  }
}

/** How it is named in a sentence, and in the ledger: of the route, which may name somebody, nothing. */
export const titleOf = ({ detector, id }: Pick<RequestMatter, 'detector' | 'id'>): string =>
  id === null ? detector : `${detector}:${id}`
