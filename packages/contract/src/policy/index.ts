// SPDX-License-Identifier: Apache-2.0
// Security policies of a tenant (docs/formats/policy.md). No node: imports: a browser validates with the same code.

export * from './difference.ts'
export * from './document.ts'
export { policyExamples } from './examples.ts'
export { retentionDaysMin } from './floors.ts'
export { policyLimits } from './limits.ts'
export { parsePlaced, placesAt } from './placed-json.ts'
export { type PolicyProblem, type PolicyProblemCode, pointerTo } from './problem.ts'
export { policySchema } from './schema.ts'
export * from './validate.ts'
export * from './values.ts'
