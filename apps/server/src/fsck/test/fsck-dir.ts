// SPDX-License-Identifier: Apache-2.0

import { systemClock as clock, systemDisk as disk } from '@sealwatch/base'
import { kmsMasterKey } from '@sealwatch/keys/sealing'
import type { NoteVerifier } from '@sealwatch/ledger'
import { type FsckReport, fsckServer } from '../fsck.ts'

/** As `audit fsck` does it. */
export const fsckDir = (
  dir: string,
  { trust = [], repair = false }: { readonly trust?: readonly NoteVerifier[]; readonly repair?: boolean } = {},
): Promise<FsckReport> =>
  fsckServer(dir, { disk, clock, kms: kmsMasterKey({ clock }), trust, repair, onBytes: () => undefined })
