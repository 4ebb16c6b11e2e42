// SPDX-License-Identifier: Apache-2.0

import { canonicalize, type Disk, type JsonObject, parseCanonical } from '@sealwatch/base'
import { checkPublicKey, type Ed25519Signer, loadOrCreateSigner } from '@sealwatch/keys'
import { sha256 } from '../sha256.ts'
import { formatVkey, parseVkey } from '../verify/note.ts'
import { type Cosigner, createCosigner } from './cosigner.ts'
import type { WitnessedLog } from './decide.ts'
import { witnessError } from './errors.ts'
import { logIdOf, type WitnessPlaces } from './places.ts'
import { createState } from './state.ts'

export const witnessLimits = { logs: 1000, keysOfLog: 16, originChars: 255 } as const

/** Makes a witness with a new key, or returns the one that is there under that name. Throws WITNESS_EXISTS. */
export async function initWitness(
  disk: Disk,
  places: WitnessPlaces,
  name: string,
): Promise<{ readonly cosigner: Cosigner; readonly created: boolean }> {
  const known = await readName(disk, places)
  if (known !== undefined && known !== name)
    throw witnessError('WITNESS_EXISTS', { attempted: `making the witness ${name}`, received: `the witness ${known}` })
  for (const folder of [places.dir, places.logs, places.states, places.evidence]) await disk.makeDirectory(folder)
  // The name comes last: a witness whose making was cut short is made again, with the key that is there.
  const signer = await loadOrCreateSigner(places.key, disk)
  if (known === undefined) await disk.replace(places.identity, `${canonicalize({ name, v: 1 })}\n`)
  return { cosigner: createCosigner(name, signer), created: known === undefined }
}

/** Throws WITNESS_ABSENT where nobody made one, and WITNESS_DAMAGED where its key is gone. */
export async function openCosigner(disk: Disk, places: WitnessPlaces): Promise<Cosigner> {
  const name = await readName(disk, places)
  if (name === undefined)
    throw witnessError('WITNESS_ABSENT', { attempted: 'opening the witness', received: places.dir })
  if ((await disk.sizeOf(places.key)) === undefined)
    throw witnessError('WITNESS_DAMAGED', { attempted: 'opening the witness', received: `no ${places.key}` })
  const signer: Ed25519Signer = await loadOrCreateSigner(places.key, disk)
  return createCosigner(name, signer)
}

async function readName(disk: Disk, places: WitnessPlaces): Promise<string | undefined> {
  const body = await readObject(disk, places.identity)
  if (body === undefined) return undefined
  const { name, v, ...others } = body
  if (typeof name !== 'string' || v !== 1 || Object.keys(others).length > 0) throw damaged(places.identity)
  return name
}

/**
 * Adds a log, or further keys to one that is known; keys are never taken away, for what they signed was cosigned.
 * Returns its keys. To be called under the admin lock.
 */
export async function addLog(
  disk: Disk,
  places: WitnessPlaces,
  origin: string,
  vkeys: readonly string[],
): Promise<{ readonly log: WitnessedLog; readonly created: boolean }> {
  const attempted = `adding the log ${origin}`
  for (const vkey of vkeys) checkPublicKey(parseVkey(sha256, vkey).publicKey, attempted)
  const known = await readLog(disk, places, logIdOf(origin))
  const all = [...new Set([...(known?.vkeys ?? []), ...vkeys])]
  const isFull = known === undefined && (await logIds(disk, places)).length >= witnessLimits.logs
  if (isFull || all.length > witnessLimits.keysOfLog)
    throw witnessError('WITNESS_LIMIT', { attempted, received: isFull ? 'one more log' : `${all.length} keys` })
  if (known === undefined) {
    // Its state first: a log without one is refused as forgotten. If we stop here, the log is not known yet.
    if ((await disk.sizeOf(places.state(logIdOf(origin)))) === undefined) await createState(disk, places, origin)
  }
  await disk.replace(places.log(logIdOf(origin)), `${canonicalize({ keys: all, origin, v: 1 })}\n`)
  return { log: logOf(origin, all), created: known === undefined }
}

/** Every log, in the order of their origins. */
export async function readLogs(disk: Disk, places: WitnessPlaces): Promise<WitnessedLog[]> {
  const logs: WitnessedLog[] = []
  for (const id of await logIds(disk, places)) {
    const log = await readLog(disk, places, id)
    if (log !== undefined) logs.push(log)
  }
  return logs.sort((a, b) => (a.origin < b.origin ? -1 : 1))
}

const logIds = async (disk: Disk, places: WitnessPlaces): Promise<string[]> =>
  (await disk.list(places.logs)).flatMap((name) => /^([0-9a-f]{64})\.json$/.exec(name)?.[1] ?? [])

async function readLog(disk: Disk, places: WitnessPlaces, id: string): Promise<WitnessedLog | undefined> {
  const path = places.log(id)
  const body = await readObject(disk, path)
  if (body === undefined) return undefined
  const { keys, origin, v, ...others } = body
  const isFormed = typeof origin === 'string' && Array.isArray(keys) && keys.every((key) => typeof key === 'string')
  if (!isFormed || v !== 1 || Object.keys(others).length > 0 || logIdOf(origin) !== id) throw damaged(path)
  return logOf(origin, keys as string[])
}

function logOf(origin: string, vkeys: readonly string[]): WitnessedLog {
  const keys = vkeys.map((vkey) => parseVkey(sha256, vkey))
  return { origin, keys, vkeys: keys.map((key) => formatVkey(key)) }
}

async function readObject(disk: Disk, path: string): Promise<JsonObject | undefined> {
  const bytes = await disk.read(path)
  if (bytes === undefined) return undefined
  try {
    const text = Buffer.from(bytes).toString('utf8')
    const value = parseCanonical(text.slice(0, -1), `reading ${path}`)
    if (text.endsWith('\n') && typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as JsonObject
  } catch {
    // Falls through to the one error there is.
  }
  throw damaged(path)
}

const damaged = (path: string) =>
  witnessError('WITNESS_DAMAGED', { attempted: `reading ${path}`, received: 'another form than it was written in' })
