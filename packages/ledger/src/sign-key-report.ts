// SPDX-License-Identifier: Apache-2.0

import { canonicalize } from '@sealwatch/base'
import { type DsseEnvelope, type DsseSigner, signDsse } from '@sealwatch/keys'
import { type KeyReportStatement, keyReportType } from './verify/key-report.ts'

export const signKeyReport = (
  statement: KeyReportStatement,
  signers: readonly DsseSigner[],
  signal: AbortSignal,
): Promise<DsseEnvelope> => signDsse(keyReportType, Buffer.from(canonicalize(statement)), signers, signal)
