// SPDX-License-Identifier: Apache-2.0

export { detectErrors } from './errors.ts'
export * from './explain.ts'
export { type FindingContext, findingFor, findingUid, sideOfFinding } from './finding.ts'
export { ruleLimits } from './limits.ts'
export * from './policy.ts'
export {
  evaluate,
  evaluateEach,
  type LoadedRules,
  loadingRules,
  loadRules,
  type Match,
  type Ruleset,
} from './ruleset.ts'
export type { RuleFile } from './sigma/document.ts'
export type { RuleNotice, RuleProblem } from './sigma/load.ts'
export type { RuleReport } from './sigma/report.ts'
export type { Rule } from './sigma/rule.ts'
