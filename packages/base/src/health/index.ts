// SPDX-License-Identifier: Apache-2.0

export { showHardening } from './hardening.ts'
export * from './health.ts'
export { healthHosts } from './hosts.ts'
export * from './listener.ts'
export * from './metrics.ts'
export * from './space.ts'
