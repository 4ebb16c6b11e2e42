// SPDX-License-Identifier: Apache-2.0

export * from './cosigner.ts'
export * from './decide.ts'
export * from './errors.ts'
export * from './evidence.ts'
export * from './places.ts'
export * from './registry.ts'
export * from './request.ts'
export { readState } from './state.ts'
export * from './watch.ts'
export * from './witness.ts'
