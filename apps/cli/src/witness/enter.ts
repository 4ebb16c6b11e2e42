// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { chown, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { workAsOwnerOf } from '@sealwatch/base'
import { type WitnessPlaces, witnessError, witnessPlaces } from '@sealwatch/ledger/witness'
import { cliError } from '../errors.ts'
import type { Place } from '../place.ts'
import { serviceUsers } from '../supervise/users.ts'

/** A witness lies in a folder of its own below the data directory. */
export const witnessDir = (place: Place): string => join(place.data, 'witness')

/** Goes there, and from root to the user whose it is. Nothing else of the place can be reached afterwards. */
export function enterWitness(place: Place): WitnessPlaces {
  const dir = witnessDir(place)
  if (!existsSync(dir)) throw witnessError('WITNESS_ABSENT', { attempted: 'opening the witness', received: dir })
  workAsOwnerOf(dir)
  return witnessPlaces('.')
}

/** The same, but makes the folder where it is missing; where root makes it, it is the witness's own user's. */
export async function makeWitnessDir(place: Place, uid: number): Promise<WitnessPlaces> {
  const dir = witnessDir(place)
  try {
    await mkdir(place.data, { recursive: true, mode: 0o711 })
    const isNew = await mkdir(dir, { mode: 0o700 }).then(
      () => true,
      (cause: NodeJS.ErrnoException) => {
        if (cause.code === 'EEXIST') return false
        throw cause
      },
    )
    if (isNew && uid === 0) await chown(dir, serviceUsers.witness.uid, serviceUsers.witness.gid)
  } catch (cause) {
    const received = (cause as NodeJS.ErrnoException).code
    throw cliError('CLI_DATA_UNUSABLE', { attempted: `making the folder ${dir}`, received, cause })
  }
  return enterWitness(place)
}
