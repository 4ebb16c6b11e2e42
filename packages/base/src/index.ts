// SPDX-License-Identifier: Apache-2.0

export * from './base64.ts'
export * from './clock.ts'
export * from './config.ts'
export * from './disk.ts'
export * from './errors.ts'
export * from './follow.ts'
export * from './json.ts'
export * from './log.ts'
export * from './privileges.ts'
export * from './random.ts'
export * from './time.ts'
