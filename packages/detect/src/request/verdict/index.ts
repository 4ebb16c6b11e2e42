// SPDX-License-Identifier: Apache-2.0

export {
  addTally,
  atOrAbove,
  type CountedReason,
  count,
  countedReasons,
  newScores,
  newTally,
  requestsIn,
  type ScoreCounts,
  scoresMax,
  type Tally,
  thresholdFor,
} from './calibrate.ts'
export {
  type Asked,
  type Detector,
  type DetectorName,
  type Detectors,
  detectorNames,
  type Evidence,
  type Told,
} from './detector.ts'
export { behaviourIn, detectByBehaviour } from './detectors/behaviour.ts'
export { detectByModel, type JudgeValues, type ModelJudgement } from './detectors/model.ts'
export { detectByReputation } from './detectors/reputation.ts'
export { detectByRules, type EvaluateRules, type RuleMatch, type RuleVerdict } from './detectors/rules.ts'
export { judgeSignals } from './detectors/signals.ts'
export type { Weighed } from './fuse.ts'
export type { Severity, ThreatType } from './threats.ts'
export {
  actionIn,
  checkedThresholds,
  defaultThresholds,
  type JudgingMode,
  judgingModes,
  type RecommendedAction,
  type Thresholds,
} from './thresholds.ts'
export {
  createJudge,
  type ExceptedReason,
  type ExceptionOf,
  type Judge,
  type JudgeOptions,
  type Reason,
  type Verdict,
} from './verdict.ts'
