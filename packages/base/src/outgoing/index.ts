// SPDX-License-Identifier: Apache-2.0

export { type AddressKind, addressKind } from './address.ts'
export * from './outgoing.ts'
