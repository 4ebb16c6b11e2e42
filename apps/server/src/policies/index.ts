// SPDX-License-Identifier: Apache-2.0

export { type PolicyChecks, preparePolicyChecks } from './check/checks.ts'
export {
  createDryRuns,
  type DryRunProgress,
  type DryRunReport,
  type DryRuns,
  dryRunDaysMax,
} from './dry-run.ts'
export { enforcedPolicies, isOfHosts } from './enforced.ts'
export { policyError, policyErrors } from './errors.ts'
export { type ChangedMeanwhile, type Condition, createPolicies, type Difference, type Policies } from './policies.ts'
export type { PolicyPut, PolicyRecord, PolicySummary, PolicyVersion } from './record.ts'
export type { RuleTally } from './tally.ts'
export { policySigner } from './write-version.ts'
