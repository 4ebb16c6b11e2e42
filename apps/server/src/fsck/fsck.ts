// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Clock, type Disk, isSealwatchError } from '@sealwatch/base'
import { type MasterKey, openSealedReader, type SealedReader } from '@sealwatch/keys/sealing'
import { fsckLedgers, type LedgerFsck, type NoteVerifier } from '@sealwatch/ledger'
import { type DatabaseFinding, openDatabaseFsck } from './fsck-database.ts'
import type { QuarantineTotal } from './fsck-quarantine.ts'

export type FsckReport = {
  readonly ok: boolean
  readonly ledgers: readonly LedgerFsck[]
  readonly database: readonly DatabaseFinding[]
  readonly quarantine: readonly QuarantineTotal[]
  /** Tenants whose index is made anew at the next start. */
  readonly reindexed: readonly string[]
}

/**
 * Proves that everything in the data directory of a stopped server hangs together. Reads only, but for derived files
 * with `repair`, and for these only where nothing else is wrong with their ledger. Throws STORE_BUSY.
 */
export async function fsckServer(
  dir: string,
  options: {
    readonly disk: Disk
    readonly clock: Clock
    /** Where the master key is one of KMS. */
    readonly kms: MasterKey
    readonly trust: readonly NoteVerifier[]
    readonly repair: boolean
    readonly onBytes: (bytes: number) => void
    /** The ledgers are read, and what else there is will be held against them. */
    readonly onRead?: () => void
  },
): Promise<FsckReport> {
  const { repair, onRead } = options
  const database = openDatabaseFsck(dir, { ...options, openSealed: () => openKeys(join(dir, 'keys'), options) })
  try {
    const ledgers = await fsckLedgers(join(dir, 'ledgers'), {
      ...options,
      onLeaf: (ledger, leaf, line) => database?.take(ledger, leaf, line),
    })
    onRead?.()
    const missing = { store: 'database', derived: false, tenant: undefined, leaf: undefined } as const
    const { found, totals } = (await database?.findings()) ?? {
      found: [{ ...missing, text: 'index.sqlite is not there: it holds hosts and keys' }],
      totals: [],
    }
    const mayRepair = repair && found.every(({ derived }) => derived)
    const reindexed = mayRepair ? [...new Set(found.flatMap(({ tenant }) => tenant ?? []))] : []
    if (mayRepair && found.length > 0) database?.forgetIndex(reindexed)
    const isWhole = ({ findings, repaired }: LedgerFsck) => findings.length === 0 || repaired
    const ok = ledgers.every(isWhole) && (found.length === 0 || mayRepair)
    return { ok, ledgers, database: found, quarantine: totals, reindexed }
  } finally {
    database?.close()
  }
}

/** A copy may have been made without its keys. */
function openKeys(dir: string, options: Parameters<typeof fsckServer>[1]): SealedReader | undefined {
  try {
    return openSealedReader({ ...options, dir })
  } catch (error) {
    if (isSealwatchError(error, 'KEYS_DAMAGED')) return undefined
    throw error
  }
}
