// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { SealwatchError } from '@sealwatch/base'
import { type Checkpoint, parseVkey, sha256, verifyTiles } from '@sealwatch/ledger'
import { readSmallFile } from '../small-file.ts'

export type TilesReport = {
  readonly kind: 'tiles'
  readonly ok: boolean
  readonly problem: { readonly code: string; readonly message: string } | undefined
  readonly origin: string | undefined
  readonly size: number
  readonly lines: number
  readonly trust: 'pinned' | 'self-asserted'
}

/** A log as static files. Keys of another name than the checkpoint's origin vouch for nothing here. */
export async function verifyTilesIn(dir: string, trust: readonly string[]): Promise<TilesReport> {
  let lines = 0
  const report = (checkpoint: Checkpoint | undefined, error?: SealwatchError): TilesReport => ({
    kind: 'tiles',
    ok: error === undefined,
    problem: error && { code: error.code, message: error.message },
    origin: checkpoint?.origin,
    size: checkpoint?.size ?? 0,
    lines,
    trust: trust.length > 0 ? 'pinned' : 'self-asserted',
  })
  try {
    const vkeys = trust.length > 0 ? trust : [readSmallFile(join(dir, 'vkey'), 4096).trim()]
    const trusted = vkeys.map((vkey) => parseVkey(sha256, vkey))
    const counted = () => {
      lines += 1
    }
    return report(await verifyTiles(dir, trusted, counted))
  } catch (error) {
    if (error instanceof SealwatchError) return report(undefined, error)
    throw error
  }
}
