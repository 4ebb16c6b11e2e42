// SPDX-License-Identifier: Apache-2.0

export type { RuleFile } from '@sealwatch/detect'
export { detect, type Herald } from './detect.ts'
export { createGlances, type Glances } from './glances.ts'
export { loadRuleset, readRuleFiles, standardRules } from './rules.ts'
