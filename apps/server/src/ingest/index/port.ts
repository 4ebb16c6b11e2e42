// SPDX-License-Identifier: Apache-2.0

import type { TailRoom } from '@sealwatch/ledger'
import { type IndexPiece, openIndexWriter, type PlacedOwn } from './writer.ts'

export type { IndexPiece } from './writer.ts'

/** Where the pieces of all ledgers are written into the index, one after the other. */
export type IndexPort = {
  /** For lines that were just appended and wait to be written; beyond that they are read from the disk. */
  readonly room: TailRoom
  /** Resolves when rows and cursor are written: what readers see from then on. Nothing of it is written otherwise. */
  write(piece: IndexPiece): Promise<PlacedOwn>
  /**
   * Resolves when nothing of a tenant is in the files of the index any more. Others are written meanwhile, but for the time
   * that it takes to write the file anew. Throws STORE_FULL.
   */
  forget(tenant: string): Promise<void>
  close(): Promise<void>
}

const roomBytes = 8 * 1024 * 1024
export const newRoom = (): TailRoom => ({ bytes: roomBytes })

/** The index, written by the thread that asks. */
export function openIndexHere(path: string): IndexPort {
  const writer = openIndexWriter(path)
  return {
    room: newRoom(),
    write: async (piece) => writer.write(piece),
    forget: async (tenant) => {
      while (writer.forget(tenant));
      writer.scrub()
      while (writer.cutLog());
    },
    close: async () => writer.close(),
  }
}
