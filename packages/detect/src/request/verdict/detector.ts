// SPDX-License-Identifier: Apache-2.0

import type { RequestContext } from '../context.ts'
import type { DecodedRequest } from '../decode/request.ts'
import type { ThreatType } from './threats.ts'

/** Those that judge a request, in the order in which they are told. */
export const detectorNames = ['rules', 'model', 'reputation', 'behaviour', 'signals'] as const
export type DetectorName = (typeof detectorNames)[number]

/** One thing that speaks for an attack. */
export type Evidence = {
  /** Which rule, n-gram, feed or baseline: words of ours or of a rule, never of the request. */
  readonly what: string
  /** What it is called within its detector, for exceptions: the number of a rule, a feed, a feature, the kind of a signal. */
  readonly id?: string | undefined
  /** As in `ARGS_GET:q`; undefined when it is of the request as a whole. */
  readonly where?: string | undefined
  /** What the request says there, as it says it: it is redacted before anybody is told. */
  readonly text?: string | undefined
  readonly threat?: ThreatType | undefined
  /** Of rules, those that they came with. Two sets look for the same, so what both say of a request counts once. */
  readonly set?: string | undefined
  /** By how much it raises the odds of an attack, as a natural logarithm: 0 says nothing. */
  readonly weight: number
}

export type Told = {
  readonly evidence: readonly Evidence[]
  /** It gave up at its limits: what it does not tell of may be there. */
  readonly isCut?: boolean
}

export type Asked = {
  readonly context: RequestContext
  readonly decoded: DecodedRequest
  /** Of the request, in Unix time. */
  readonly timeNs: bigint
  /** Whether such evidence does not count: it is told, and must not hide any that does. Undefined: all counts. */
  readonly isExcepted?: ((evidence: Pick<Evidence, 'id' | 'where'>) => boolean) | undefined
}

/** Pure and bounded: limits of steps and sizes, and no timer, end it. */
export type Detector = (asked: Asked) => Told
export type Detectors = { readonly [name in DetectorName]?: Detector | undefined }
