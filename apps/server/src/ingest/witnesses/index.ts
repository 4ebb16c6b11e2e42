// SPDX-License-Identifier: Apache-2.0

export * from './client.ts'
export * from './errors.ts'
export * from './split-view.ts'
export * from './witnesses.ts'
