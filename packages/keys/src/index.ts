// SPDX-License-Identifier: Apache-2.0

export * from './authority.ts'
export { type AuthoritySigner, authoritySigner } from './authority-signer.ts'
export * from './certificate-request.ts'
export * from './dsse.ts'
export * from './ed25519.ts'
export * from './host-config.ts'
export * from './key-probe.ts'
export { manifestCrypto } from './manifest-crypto.ts'
export * from './manifests/index.ts'
export * from './orders/index.ts'
export * from './public-key.ts'
export * from './signers/index.ts'
