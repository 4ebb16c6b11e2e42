// SPDX-License-Identifier: Apache-2.0
// Judging events by security policies (docs/formats/policy.md, 7).

export { type CompiledPolicy, compilePolicy, isForHost, judgedClasses, retentionClassOf } from './policy/compile.ts'
export { openPolicy } from './policy/delivered.ts'
export { type Decision, type EvaluateOptions, evaluatePolicy, type PolicyEffect } from './policy/evaluate.ts'
export type { PolicyReason } from './policy/facets.ts'
export { type FileTable, type FileWay, fileTableLimits, fileTableOf, fileWays } from './policy/file-table.ts'
export {
  addressNumber,
  deniedBy,
  type NetworkTable,
  networkTableLimits,
  networkTableOf,
  type TableConnection,
  type TableRow,
  type TableRule,
  tableThings,
} from './policy/network-table.ts'
