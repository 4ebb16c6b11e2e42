// SPDX-License-Identifier: Apache-2.0

export { defaultSocket, type Protection, type ProtectOptions, protect } from './protect.ts'
export type { Finding, GuardMode, Registered, Severity, Threat } from './protocol.ts'
export type { Handler } from './steps.ts'
