// SPDX-License-Identifier: Apache-2.0

export { type Calibrations, createCalibrations } from './calibration.ts'
export type { RequestMatter } from './exception.ts'
export { createRequestFeedback, feedbackLimits, type RequestFeedback } from './feedback.ts'
export { type Habits, openHabits } from './habits.ts'
export { type RequestRules, readRequestRules } from './request-rules.ts'
export { createRequests, type JudgedRequest, type Requests } from './requests.ts'
export { createScoreBook, type ScoreBook, scoreLimits } from './score-book.ts'
export { createRequestSettings, type RequestSettings, type SettingsRecord, settingsLimits } from './settings.ts'
export { createVerdictCounts, type VerdictCounts } from './verdict-counts.ts'
