// SPDX-License-Identifier: Apache-2.0

import { canonicalize } from '@sealwatch/base'
import { type DsseEnvelope, type DsseSigner, signDsse } from '@sealwatch/keys'
import { type PolicyStatement, policyStatementType } from './verify/security-policy.ts'

/**
 * Signs what a deployment says of a policy. The document is named by its digest and not part of it: signers take 4,096
 * bytes at most.
 */
export const signPolicy = (
  statement: PolicyStatement,
  signers: readonly DsseSigner[],
  signal: AbortSignal,
): Promise<DsseEnvelope> => signDsse(policyStatementType, Buffer.from(canonicalize(statement)), signers, signal)
