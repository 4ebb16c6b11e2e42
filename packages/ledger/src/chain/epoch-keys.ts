// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Disk, errorsOf, isSealwatchError } from '@sealwatch/base'
import { type Ed25519Signer, generateKept, pkcs8Bytes, signerOfKept } from '@sealwatch/keys'
import type { ChainPosition } from '../verify/chain.ts'
import type { Epoch } from '../verify/epoch.ts'
import { segmentErrors } from './segment-errors.ts'

const segmentError = errorsOf(segmentErrors)

/**
 * The keys of a chain's epochs (chain.md, 5). There are two places: epoch n has its key in place n mod 2, so the key to
 * come is durable before the close that names it, and the key that was is written over where it lay. Of what a disk
 * keeps elsewhere (journal, snapshots, worn-out cells) nobody here knows.
 */
export type EpochKeys = {
  readonly current: Ed25519Signer
  /** Makes the key of the epoch after `number`, durable. Until it is used, another call makes another. */
  prepare(number: number): Promise<Ed25519Signer>
  /** The close of epoch `number`, which names `next`, is durable: its key is destroyed. */
  promote(number: number, next: Ed25519Signer): Promise<void>
}

export const epochKeyFile = (number: number): string => `epoch-${number % 2}.key`
/** The second place is first used when epoch 0 is about to be closed. */
export const hasSecondPlace = async (dir: string, disk: Disk): Promise<boolean> =>
  (await disk.sizeOf(join(dir, epochKeyFile(1)))) !== undefined

const zeros = new Uint8Array(pkcs8Bytes)

/**
 * Finds the key of the epoch that the chain stands in, and destroys the other, which a crash may have left; a chain
 * without epochs gets its first key. Throws CHAIN_DAMAGED when the chain does not end where its key says it ends: it was
 * cut, or rewritten without epochs, or one of the two was put in the place of another.
 */
export async function openEpochKeys(dir: string, disk: Disk, { nextSeq, epoch }: ChainPosition): Promise<EpochKeys> {
  const place = (number: number) => join(dir, epochKeyFile(number))
  const number = epoch?.number ?? 0
  if (nextSeq > 0 && epoch === undefined && (await hasSecondPlace(dir, disk)))
    throw segmentError('CHAIN_DAMAGED', {
      attempted: `opening the chain in ${dir}`,
      received: 'lines of version 1 alone, beside the key of a second epoch',
    })
  let current = epoch === undefined ? await make(number) : await find(epoch)
  await destroy(number + 1)

  async function make(of: number): Promise<Ed25519Signer> {
    const { signer, pkcs8 } = generateKept()
    await disk.overwrite(place(of), pkcs8)
    pkcs8.fill(0)
    return signer
  }

  async function find({ key }: Epoch): Promise<Ed25519Signer> {
    const kept = await disk.read(place(number))
    const signer = kept && signerOfKept(kept)
    kept?.fill(0)
    if (signer?.publicKey.toHex() === key) return signer as Ed25519Signer
    throw segmentError('CHAIN_DAMAGED', {
      attempted: `opening the epoch ${number} of the chain in ${dir}`,
      received: signer === undefined ? 'no key of that epoch' : 'a chain that ends before or beside its key',
    })
  }

  async function destroy(of: number): Promise<void> {
    const kept = await disk.read(place(of))
    if (kept?.some((byte) => byte !== 0)) await disk.overwrite(place(of), zeros)
    kept?.fill(0)
  }

  return {
    get current() {
      return current
    },
    prepare: (of) => make(of + 1),
    promote: async (of, next) => {
      current = next
      // The close is durable and the old key still lies there. If we stop here, the next opening destroys it.
      await disk.overwrite(place(of), zeros).catch((cause: unknown) => {
        // Some file systems write over bytes by way of free space. The next key but one comes to lie there.
        if (!isSealwatchError(cause, 'DISK_FULL')) throw cause
      })
    },
  }
}
