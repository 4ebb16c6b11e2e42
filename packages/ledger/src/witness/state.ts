// SPDX-License-Identifier: Apache-2.0

import { canonicalize, type Disk, type JsonObject, parseCanonical } from '@sealwatch/base'
import { sha256 } from '../sha256.ts'
import { parseForeignCheckpoint } from '../verify/checkpoint.ts'
import { parseNote } from '../verify/note.ts'
import { type LastCosigned, nothingCosigned } from './decide.ts'
import { witnessError } from './errors.ts'
import { logIdOf, type WitnessPlaces } from './places.ts'

/** One line a log: `{"checkpoint":note or null,"origin":…,"time":seconds,"v":1}`. */
const format = (origin: string, { note, timeS }: LastCosigned): string =>
  `${canonicalize({ checkpoint: note ?? null, origin, time: timeS, v: 1 })}\n`

/** The first state of a log. Never called for a log that has one. */
export const createState = (disk: Disk, places: WitnessPlaces, origin: string): Promise<void> =>
  disk.replace(places.state(logIdOf(origin)), format(origin, nothingCosigned(sha256)))

/** Throws WITNESS_DAMAGED also where there is none: what was forgotten might have been anything. */
export async function readState(disk: Disk, places: WitnessPlaces, origin: string): Promise<LastCosigned> {
  return parse(await readText(disk, places, origin), places, origin)
}

/**
 * Compares, and swaps: throws WITNESS_FORKED when the file is not what this process last saw there. Durable when it
 * resolves; when it throws something fatal, either of the two may be there after a crash.
 */
export async function swapState(
  disk: Disk,
  places: WitnessPlaces,
  origin: string,
  from: LastCosigned,
  to: LastCosigned,
): Promise<void> {
  const path = places.state(logIdOf(origin))
  if ((await readText(disk, places, origin)) !== format(origin, from))
    throw witnessError('WITNESS_FORKED', { attempted: `cosigning ${origin}`, received: `another content of ${path}` })
  await disk.replace(path, format(origin, to))
}

async function readText(disk: Disk, places: WitnessPlaces, origin: string): Promise<string> {
  const path = places.state(logIdOf(origin))
  const bytes = await disk.read(path)
  if (bytes === undefined)
    throw witnessError('WITNESS_DAMAGED', {
      attempted: `reading what was cosigned of ${origin}`,
      received: `no ${path}`,
    })
  return Buffer.from(bytes).toString('utf8')
}

function parse(text: string, places: WitnessPlaces, origin: string): LastCosigned {
  const attempted = `reading ${places.state(logIdOf(origin))}`
  const damaged = (received: string, cause?: unknown) =>
    witnessError('WITNESS_DAMAGED', { attempted, received, ...(cause === undefined ? {} : { cause }) })
  try {
    const { checkpoint: note, time, ...others } = parseCanonical(text.slice(0, -1), attempted) as JsonObject
    const isFormed = text.endsWith('\n') && others.origin === origin && others.v === 1 && Number.isSafeInteger(time)
    if (!isFormed || Object.keys(others).length !== 2) throw damaged(text)
    if (note === null) return { ...nothingCosigned(sha256), timeS: time as number }
    if (typeof note !== 'string') throw damaged(text)
    const { size, root, origin: signed } = parseForeignCheckpoint(parseNote(note, attempted).text, attempted)
    if (signed !== origin) throw damaged(signed)
    return { size, root, note, timeS: time as number }
  } catch (cause) {
    throw damaged(text, cause)
  }
}
