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
  readonly trust: 'pinned' | 'self-asserted'
}

/** A log as static files; `header.json` beside them says why the key that signed it is to be believed (tiles.md, 2.3). */
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
    const trusted = signersOf(dir, trust)
    const counted = () => {
      lines += 1
    }
    return report(await verifyTiles(dir, trusted, counted))
  } catch (error) {
    if (error instanceof SealwatchError) return report(undefined, error)
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
