// SPDX-License-Identifier: Apache-2.0

import type { Ledger, SignedCheckpoint } from '../src/log/ledger.ts'
import { createTileWriter } from '../src/log/tiles.ts'

/** A ledger at a checkpoint, as static files. */
export async function writeTiles(ledger: Ledger, { size, note }: SignedCheckpoint, dir: string): Promise<void> {
  const writer = createTileWriter(dir)
  for (let at = 0; at < size; )
    for (const { line } of await ledger.read(at, size - at)) {
      await writer.add(line, ledger.leafHashes(at, at + 1)[0] as Uint8Array)
      at += 1
    }
  await writer.finish(note)
}
