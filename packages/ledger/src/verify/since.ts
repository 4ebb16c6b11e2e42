// SPDX-License-Identifier: Apache-2.0

import { bundleError } from './bundle-records.ts'
import type { Checkpoint } from './checkpoint.ts'
import { equal, type Hash } from './merkle.ts'

/** Whether a ledger of this checkpoint can show what `since` says (bundle.md, 4.7); throws CHECKPOINT_CONTRADICTED if not. */
export function checkReaches(since: Checkpoint, { origin, size }: Checkpoint, attempted: string): void {
  const wrong = (received: string, advice: string) =>
    bundleError('CHECKPOINT_CONTRADICTED', { attempted, received, advice })
  if (since.origin !== origin)
    throw wrong(
      `${origin}, where a checkpoint of ${since.origin} was saved`,
      'They are of two ledgers: give the checkpoint that was saved from this one',
    )
  if (since.size > size)
    throw wrong(
      `${size} leaves, where a checkpoint of ${since.size} was saved`,
      'This is older than the saved checkpoint and cannot show what came after: export again',
    )
}

/** The tree passes through every earlier state of itself: where the saved one is due, it must be that. */
export function checkPasses(since: Checkpoint, root: Hash, attempted: string): void {
  if (equal(root, since.root)) return
  throw bundleError('CHECKPOINT_CONTRADICTED', { attempted, received: `another root at size ${since.size}` })
}
