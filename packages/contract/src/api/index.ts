// SPDX-License-Identifier: Apache-2.0

export { type Operations, operations } from '../gen/api-operations.ts'
export * from './client.ts'
