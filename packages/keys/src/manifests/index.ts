// SPDX-License-Identifier: Apache-2.0
// Trust root and manifests, N of M (SIG-5). No node: imports: a browser and an agent judge them with the same code.

export * from './change.ts'
export * from './count.ts'
export { manifestError, manifestErrors } from './errors.ts'
export * from './manifest.ts'
export { type ManifestAlgorithm, manifestAlgorithms } from './public-keys.ts'
export * from './root-chain.ts'
export { type ManifestCrypto, signedBytesMax } from './signed-text.ts'
export * from './trust-root.ts'
