// SPDX-License-Identifier: Apache-2.0

export type { RuleFile } from '@sealwatch/detect'
export { detect, type Herald } from './detect.ts'
export { ruleErrors } from './errors.ts'
export { exceptionLimits, type Selection } from './exception-form.ts'
export { createExceptions, type ExceptionRecord, type Exceptions } from './exceptions.ts'
export { addFeedHealth, type FeedFollower, feedFiles, openFeeds, readFeedPlan } from './feeds/index.ts'
export { createGlances, type Glances } from './glances.ts'
export {
  type Calibrations,
  createCalibrations,
  createRequestFeedback,
  createRequestSettings,
  createRequests,
  createScoreBook,
  createVerdictCounts,
  feedbackLimits,
  type Habits,
  type JudgedRequest,
  openHabits,
  type RequestFeedback,
  type RequestMatter,
  type RequestRules,
  type RequestSettings,
  type Requests,
  readRequestRules,
  type ScoreBook,
  type SettingsRecord,
  scoreLimits,
  settingsLimits,
  type VerdictCounts,
} from './requests/index.ts'
export { countedDaysMax } from './rule-counts.ts'
export { addRuleHealth, wrongRules } from './rule-health.ts'
export { createRuleList, type RuleList, type RuleRecord } from './rule-list.ts'
export { openRules, type Rules, readRuleFiles, standardRules } from './rules.ts'
