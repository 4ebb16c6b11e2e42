// SPDX-License-Identifier: Apache-2.0

import { canonicalize } from '@sealwatch/base'
import { type DsseEnvelope, type DsseSigner, signDsse } from '@sealwatch/keys'
import { type DrillStatement, drillStatementType } from './verify/drill-report.ts'

/** Signs what a deployment says of a drill; the report is named by its digest, for signers take 4,096 bytes at most. */
export const signDrill = (
  statement: DrillStatement,
  signers: readonly DsseSigner[],
  signal: AbortSignal,
): Promise<DsseEnvelope> => signDsse(drillStatementType, Buffer.from(canonicalize(statement)), signers, signal)
