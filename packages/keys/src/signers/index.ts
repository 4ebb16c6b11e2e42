// SPDX-License-Identifier: Apache-2.0

export {
  type AuditAlgorithm,
  auditAlgorithms,
  auditKeyId,
  auditPublicKey,
  verifyAudit,
  verifyRsa,
} from './algorithms.ts'
export { chooseSigner, type SignerChoice, type SignerPlan } from './choose.ts'
export { signerErrors } from './errors.ts'
export * from './handed.ts'
export { mockKey } from './mock.ts'
export * from './open.ts'
export * from './own-key.ts'
export { signerPlaces } from './places.ts'
export { probePurpose, purposeOf } from './purpose.ts'
export * from './registry.ts'
export { type Secret, secretOf } from './secret.ts'
export * from './settings.ts'
export * from './signer.ts'
