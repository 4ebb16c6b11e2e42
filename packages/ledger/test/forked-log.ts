// SPDX-License-Identifier: Apache-2.0
// Logs that sign more than one tree, for what must not be taken in by them.

import { createNoteSigner } from '../src/note-signer.ts'
import { formatCheckpoint } from '../src/verify/checkpoint.ts'
import { formatSubmission } from '../src/witness/request.ts'
import { naiveProof, naiveRoot } from './naive-merkle.ts'
import { sampleSigner } from './sample.ts'

/** Leaves that are common to all branches come first. */
export function createForkedLog(
  origin: string,
  { common, size }: { readonly common: number; readonly size: number },
  seed = 0x77,
) {
  const signer = createNoteSigner(origin, sampleSigner(seed))
  const leaves = (branch: number) =>
    Array.from({ length: size }, (_, i) => Buffer.from(i < common ? `leaf ${i}` : `leaf ${i} of branch ${branch}`))
  const branches = [leaves(0), leaves(1)]
  const roots = branches.map((all) => Array.from({ length: size + 1 }, (_, n) => naiveRoot(all.slice(0, n))))
  const rootOf = (branch: number, n: number): Buffer => roots[branch]?.[n] as Buffer
  const proofOf = (branch: number, from: number, to: number): Buffer[] =>
    from === 0 || from >= to ? [] : naiveProof(from, (branches[branch] as Buffer[]).slice(0, to))
  const note = (branch: number, n: number) =>
    signer.sign(formatCheckpoint({ origin, size: n, root: rootOf(branch, n) }))
  return {
    origin,
    vkey: signer.vkey,
    signer,
    rootOf,
    proofOf,
    note,
    /** The body of add-checkpoint, as an honest client would write it for that branch. */
    submission: (branch: number, from: number, to: number) =>
      Buffer.from(formatSubmission({ oldSize: from, proof: proofOf(branch, from, to), note: note(branch, to) })),
  }
}
export type ForkedLog = ReturnType<typeof createForkedLog>
