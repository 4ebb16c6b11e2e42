// SPDX-License-Identifier: Apache-2.0

export {
  type AuditAlgorithm,
  auditAlgorithms,
  auditKeyId,
  auditPublicKey,
  verifyAudit,
} from './algorithms.ts'
export { signerErrors } from './errors.ts'
export * from './own-key.ts'
export * from './signer.ts'
