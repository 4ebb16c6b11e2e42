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
/**
 * What every program reads alike: letters, digits and marks of any script, and what RFC 3986 has in segments without `;`, in which
 * some servers see parameters. Other characters are what some take for `/`, `.` or `%` once they are decoded, or decode them twice.
 */
const plain = /^(?:\/(?!\.{0,2}(?:\/|$))[\p{L}\p{M}\p{Nd} \-._~!$&'()*+,=:@]*)*\/?$/u
/** As it is sent; what is no ASCII is encoded. */
const sent = /^[\x21-\x7e]*$/
/** Who decodes a path before it is split sees a segment more. */
const encodedSlash = /%2f/i

/** A path that means one thing to everybody; undefined: it may not, and is of no route that somebody excepts. */
function plainPath(path: string): string | undefined {
  if (path.length > pathCharsMax || !sent.test(path) || encodedSlash.test(path)) return undefined
  try {
    // Throws for what is no UTF-8, as a `/` in two bytes (RFC 3629, 3), and for escapes of another form, as %u002f.
    return plain.test(decodeURIComponent(path)) ? path : undefined
  } catch {
    return undefined
  }
}

/** The service's own name for what was called, else the path. */
const routeOf = ({ route, path }: Asked): string | undefined => route ?? plainPath(path)

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
