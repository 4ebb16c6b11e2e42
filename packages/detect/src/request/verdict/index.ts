// SPDX-License-Identifier: Apache-2.0

export {
  type Asked,
  type Detector,
  type DetectorName,
  type Detectors,
  detectorNames,
  type Evidence,
  type Told,
} from './detector.ts'
export { detectByBehaviour } from './detectors/behaviour.ts'
export { detectByModel, type JudgeValues, type ModelJudgement } from './detectors/model.ts'
export { detectByReputation } from './detectors/reputation.ts'
export { detectByRules, type EvaluateRules, type RuleMatch, type RuleVerdict } from './detectors/rules.ts'
export { judgeSignals } from './detectors/signals.ts'
export type { Severity, ThreatType } from './threats.ts'
export { checkedThresholds, defaultThresholds, type RecommendedAction, type Thresholds } from './thresholds.ts'
export { createJudge, type Judge, type JudgeOptions, type Reason, type Verdict } from './verdict.ts'
