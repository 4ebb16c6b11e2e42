// SPDX-License-Identifier: Apache-2.0

import { canonicalize } from '@sealwatch/base'
import { type DsseEnvelope, type DsseSigner, signDsse } from '@sealwatch/keys'
import { type SignoffStatement, signoffType } from './verify/signoff.ts'

/** The checklist is named by its digest and not part of what is signed: signers take 4,096 bytes at most. */
export const signSignoff = (
  statement: SignoffStatement,
  signers: readonly DsseSigner[],
  signal: AbortSignal,
): Promise<DsseEnvelope> => signDsse(signoffType, Buffer.from(canonicalize(statement)), signers, signal)
