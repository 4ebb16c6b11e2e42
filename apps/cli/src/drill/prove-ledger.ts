// SPDX-License-Identifier: Apache-2.0

import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isSealwatchError } from '@sealwatch/base'
import type { Drilling } from './drilled.ts'
import { drillFailure } from './failures.ts'

/** The tenant's ledger as anybody would take it away and verify it: from one file and the deployment's public keys. */
export async function proveLedger(of: Drilling, note: (line: string) => void): Promise<void> {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-drill-'))
  const bundle = join(dir.path, 'drill.bundle')
  await of.type(['audit', 'export', '--all', '--tenant', of.tenant, '--output', bundle])
  try {
    await of.type(['audit', 'verify', bundle, '--trust', of.server.ledgerKeys.join(',')])
  } catch (cause) {
    if (!isSealwatchError(cause, 'DRILL_CHECK_FAILED')) throw cause
    const attempted = `verifying the ledger of ${of.tenant}`
    throw drillFailure('DRILL_LEDGER_UNVERIFIED', { attempted, received: cause.received, cause })
  }
  note('its whole ledger was exported, and verifies from public keys alone')
}
