// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { SealwatchError } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { type Checkpoint, type NoteVerifier, parseVkey, readHeader, sha256, verifyTiles } from '@sealwatch/ledger'
import { readSmallFile } from '../small-file.ts'

export type TilesReport = {
  readonly kind: 'tiles'
  readonly ok: boolean
  readonly problem: { readonly code: string; readonly message: string } | undefined
  readonly origin: string | undefined
  readonly size: number
  readonly lines: number
  /** The size of the saved checkpoint that the log extends. */
  readonly since: number | undefined
  readonly trust: 'pinned' | 'self-asserted'
}

/** A log as static files; `header.json` beside them says why the key that signed it is to be believed (tiles.md, 2.3). */
export async function verifyTilesIn(
  dir: string,
  trust: readonly string[],
  since: Checkpoint | undefined,
): Promise<{ report: TilesReport; checkpoint: Checkpoint | undefined }> {
  let lines = 0
  const reportOf = (checkpoint: Checkpoint | undefined, error?: SealwatchError): TilesReport => ({
    kind: 'tiles',
    ok: error === undefined,
    problem: error && { code: error.code, message: error.message },
    origin: checkpoint?.origin,
    size: checkpoint?.size ?? 0,
    lines,
    since: since?.size,
    trust: trust.length > 0 ? 'pinned' : 'self-asserted',
  })
  try {
    const trusted = signersOf(dir, trust)
    const onEntry = () => {
      lines += 1
    }
    const checkpoint = await verifyTiles(dir, trusted, { onEntry, ...(since === undefined ? {} : { since }) })
    return { report: reportOf(checkpoint), checkpoint }
  } catch (error) {
    if (error instanceof SealwatchError) return { report: reportOf(undefined, error), checkpoint: undefined }
    throw error
  }
}

const headerBytesMax = 1024 * 1024

function signersOf(dir: string, trust: readonly string[]): NoteVerifier[] {
  if (existsSync(join(dir, 'header.json'))) {
    const record = Buffer.from(readSmallFile(join(dir, 'header.json'), headerBytesMax).trimEnd())
    return [readHeader({ sha256, verify: verifyEd25519, trust }, record, `reading ${join(dir, 'header.json')}`).notedBy]
  }
  const vkeys = trust.length > 0 ? trust : [readSmallFile(join(dir, 'vkey'), 4096).trim()]
  return vkeys.map((vkey) => parseVkey(sha256, vkey))
}
