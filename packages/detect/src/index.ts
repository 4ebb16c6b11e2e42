// SPDX-License-Identifier: Apache-2.0

export type { Together } from '@sealwatch/contract'
export type { Correlation } from './correlation/correlation.ts'
export {
  type Correlations,
  createCorrelations,
  type Fired,
  type Held,
  reasonsOf,
} from './correlation/correlations.ts'
export { detectErrors } from './errors.ts'
export * from './explain.ts'
export { correlationIn, type ExplainedCorrelation, explainCorrelation } from './explain-correlation.ts'
export { explainFalco } from './falco/explain.ts'
export { type FindingContext, findingFor, findingUid, sideOfFinding } from './finding.ts'
export { judged } from './judged.ts'
export { ruleLimits } from './limits.ts'
export * from './policy.ts'
export { type RegexBudget, RegexStepsError } from './regex/budget.ts'
export {
  evaluate,
  evaluateEach,
  type LoadedRules,
  loadingRules,
  loadRules,
  type Match,
  matchesOf,
  type Ruleset,
} from './ruleset.ts'
export type { RuleFile } from './sigma/document.ts'
export type { RuleNotice, RuleProblem } from './sigma/load.ts'
export type { RuleReport } from './sigma/report.ts'
export type { Rule, RuleHead } from './sigma/rule.ts'
