// SPDX-License-Identifier: Apache-2.0

export * from './cosigner.ts'
export * from './errors.ts'
export * from './request.ts'
