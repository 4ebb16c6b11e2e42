// SPDX-License-Identifier: Apache-2.0

export * from './alarm.ts'
export * from './client.ts'
export * from './errors.ts'
export * from './health.ts'
export * from './policy-file.ts'
export * from './prepare.ts'
export * from './split-view.ts'
export * from './witnesses.ts'
