// SPDX-License-Identifier: Apache-2.0

import type { RequestContext } from '../context.ts'
import { decodeRequest } from '../decode/request.ts'
import type { DecodeLimits } from '../limits.ts'
import type { Signal } from '../signals.ts'
import { type Asked, type Detector, type DetectorName, type Detectors, detectorNames } from './detector.ts'
import { fuse, type Weighed } from './fuse.ts'
import { redact, redactPlace } from './redact.ts'
import { type Severity, severities, type ThreatType, threats } from './threats.ts'
import { actionAt, checkedThresholds, type RecommendedAction, type Thresholds } from './thresholds.ts'

export type Reason = {
  readonly detector: DetectorName
  /** The rule, n-gram, feed or baseline. */
  readonly what: string
  /** What exceptions call it, where it has a name. */
  readonly id?: string
  /** The parameter, header or part, as in `ARGS_GET:q`. */
  readonly where?: string
  /** What matched, redacted. */
  readonly matched?: string
  /** Natural logarithm of the odds. */
  readonly weight: number
}

/** A reason that did not count, and for which exception. */
export type ExceptedReason = Reason & { readonly exception: string }
/** Names the exception for which evidence does not count; undefined: it does. It is asked about places where nothing was found, too. */
export type ExceptionOf = (evidence: Pick<Weighed, 'detector' | 'id' | 'where'>) => string | undefined

export type Verdict = {
  readonly threat: boolean
  /** From 0 to 100: the probability of an attack, in hundredths. */
  readonly score: number
  readonly severity: Severity
  /** Null while nothing speaks for an attack. */
  readonly type: ThreatType | null
  /** That the answer is right, from 0 to 1. What did not judge makes an all-clear less certain. */
  readonly confidence: number
  readonly recommended_action: RecommendedAction
  /** Heaviest first. */
  readonly reasons: readonly Reason[]
  /** Heaviest first. */
  readonly excepted: readonly ExceptedReason[]
  readonly signals: readonly Signal[]
  /** Those that are not there or failed, and those that gave up at their limits. */
  readonly detectors: { readonly absent: readonly DetectorName[]; readonly cut: readonly DetectorName[] }
}

export type JudgeOptions = {
  readonly detectors: Detectors
  readonly limits?: DecodeLimits
  /** Hears of a detector that threw, which none should; the request is judged by the others. */
  readonly onFailed?: (detector: DetectorName, error: unknown) => void
}
export type Judge = {
  /** Of those that are there. */
  readonly names: readonly DetectorName[]
  /** Never throws. The time is the request's, in Unix nanoseconds; thresholds and exceptions are its tenant's. */
  judge(context: RequestContext, timeNs: bigint, thresholds?: Thresholds, exceptionOf?: ExceptionOf): Verdict
}

const reasonsMax = 32
/** Exceptions are asked so often about places of a request. Where it has more, which none has by accident, what is told counts. */
const placesAskedMax = 8_192
const ordinaryThresholds = checkedThresholds()

type Excepted = Weighed & { readonly exception: string }

export function createJudge({ detectors, limits, onFailed }: JudgeOptions): Judge {
  const present = detectorNames.flatMap((name) => {
    const detector = detectors[name]
    return detector === undefined ? [] : [{ name, detector }]
  })
  return {
    names: present.map(({ name }) => name),
    judge(context, timeNs, thresholds = ordinaryThresholds, exceptionOf) {
      const decoded = decodeRequest(context, limits)
      let placesAsked = 0
      const evidence: Weighed[] = []
      const excepted: Excepted[] = []
      const cut: DetectorName[] = []
      const judged = new Set<DetectorName>()
      for (const { name, detector } of present) {
        const told = tried(name, detector)
        if (told === undefined) continue
        judged.add(name)
        if (told.isCut) cut.push(name)
        for (const one of told.evidence) {
          const weighed = { ...one, detector: name }
          const exception = exceptionFor(weighed)
          if (exception === undefined) evidence.push(weighed)
          else excepted.push({ ...weighed, exception })
        }
      }
      return verdictOf(evidence, { thresholds, excepted, signals: decoded.signals, cut, absent: absentOf(judged) })

      function exceptionFor(evidence: Parameters<ExceptionOf>[0]): string | undefined {
        return placesAsked > placesAskedMax ? undefined : exceptionOf?.(evidence)
      }

      function isExceptedOf(detector: DetectorName): Asked['isExcepted'] {
        return (evidence) => {
          placesAsked += 1
          return exceptionFor({ ...evidence, detector }) !== undefined
        }
      }

      function tried(name: DetectorName, detector: Detector) {
        const isExcepted = exceptionOf && isExceptedOf(name)
        try {
          return detector({ context: decoded.context, decoded, timeNs, isExcepted })
        } catch (error) {
          onFailed?.(name, error)
          return undefined
        }
      }
    },
  }
}

const absentOf = (judged: ReadonlySet<DetectorName>) => detectorNames.filter((name) => !judged.has(name))

type Circumstances = Verdict['detectors'] &
  Pick<Verdict, 'signals'> & { readonly thresholds: Thresholds; readonly excepted: readonly Excepted[] }

function verdictOf(
  evidence: readonly Weighed[],
  { thresholds, excepted, signals, absent, cut }: Circumstances,
): Verdict {
  const { probability, type = null } = fuse(evidence)
  const score = Math.round(100 * probability)
  const threat = score >= thresholds.observe
  const looked = 1 - (absent.length + cut.length / 2) / detectorNames.length
  return {
    threat,
    score,
    severity: severityOf(threat ? type : null, score >= thresholds.block),
    type,
    confidence: round(threat ? probability : (1 - probability) * looked),
    recommended_action: actionAt(score, thresholds),
    reasons: heaviest(evidence).map(reasonOf),
    excepted: heaviest(excepted).map((one) => ({ ...reasonOf(one), exception: one.exception })),
    signals: signals.map(({ kind, where }) => ({ kind, where: redactPlace(where) })),
    detectors: { absent, cut },
  }
}

const heaviest = <T extends Weighed>(evidence: readonly T[]): T[] =>
  evidence.toSorted((one, other) => other.weight - one.weight).slice(0, reasonsMax)

/** What is not certain is one step less severe. */
function severityOf(type: ThreatType | null, isCertain: boolean): Severity {
  if (type === null) return 'informational'
  const { severity } = threats[type]
  return isCertain ? severity : (severities[severities.indexOf(severity) - 1] as Severity)
}

const reasonOf = ({ detector, what, id, where, text, weight }: Weighed): Reason => ({
  detector,
  what,
  ...(id !== undefined && { id }),
  ...(where !== undefined && { where: redactPlace(where) }),
  ...(text !== undefined && { matched: redact(text) }),
  weight: round(weight),
})

const round = (value: number) => Math.round(100 * value) / 100
