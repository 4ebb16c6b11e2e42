// SPDX-License-Identifier: Apache-2.0
// A look at the machine's files against the look before it, for the agent to seal (docs/formats/baseline.md, 5).

import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemDisk } from '@sealwatch/base'
import { type BaselineCheck, supervisionLimits } from '@sealwatch/contract'
import { signDsse } from '@sealwatch/keys'
import { signerKeyOf } from '../audit/signer-key.ts'
import type { Io } from '../io.ts'
import { openSigner } from '../manifest/signer.ts'
import { fileOf, type Place } from '../place.ts'
import { type Difference, differences } from './compare.ts'
import { baselineError } from './errors.ts'
import { openBaseline, type Sums, writeBaseline } from './file.ts'
import { openFileCapabilities } from './file-capabilities.ts'
import { placesOf, statedBy } from './places.ts'
import type { Row } from './row.ts'
import { baselineType, encodeStatement } from './statement.ts'
import { readTold, toldPath } from './told.ts'
import { walk } from './walk.ts'
import { entriesOf, isWatchedBy } from './watched-names.ts'

/** What is read of the disk, at most, so that nobody else notices. */
const bytesPerSecondMax = 64 * 1024 * 1024
/** A change is told, and the agent has written that down, within this time. */
export const settleMs = 5_000

type Show = (rows: AsyncIterable<Row>) => AsyncIterable<Row>

/** Looks, and leaves the result where the supervisor finds it. Throws BASELINE_WAITING. */
export async function checkBaseline(
  io: Io,
  place: Place,
  paths: readonly string[],
  show: Show,
): Promise<BaselineCheck> {
  const folder = fileOf.baselineFolder(place)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const result = fileOf.baselineResult(place)
  if (existsSync(result))
    throw baselineError('BASELINE_WAITING', { attempted: 'looking at the files', received: result })
  const at = (name: string) => join(folder, name)
  const beganMs = io.clock.nowMs()
  keepKey(at('signer.key'), at('signer.pem'))
  rmSync(at('next'), { force: true })
  const digest = await look(io, at('next'), { paths, keyFile: at('signer.key'), show })
  await io.clock.sleep(settleMs, io.stop)
  io.stop.throwIfAborted()
  const found = existsSync(at('current')) ? await compare(io, place, at) : first()
  const check = { beganMs, endedMs: io.clock.nowMs(), ...digest, ...found }
  // If we stop between these, the next look finds the same differences again.
  await systemDisk.replace(result, `${JSON.stringify(check)}\n`, 0o600)
  renameSync(at('next'), at('current'))
  return check
}

/** A key of this machine's own: what counts is the digest, which the ledger has. */
function keepKey(secret: string, open: string): void {
  if (existsSync(secret) && existsSync(open)) return
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  writeFileSync(secret, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  writeFileSync(open, publicKey.export({ type: 'spki', format: 'pem' }), { mode: 0o644 })
}

type Look = { readonly paths: readonly string[]; readonly keyFile: string; readonly show: Show }

async function look(io: Io, path: string, { paths, keyFile, show }: Look) {
  const places = placesOf(paths, [], 'looking at the files')
  const capabilities = openFileCapabilities()
  let foreign = 0
  let seen: Sums | undefined
  const signer = await openSigner(io, keyFile)
  try {
    const seal = (sums: Sums) => {
      seen = sums
      const statement = statedBy(io.clock, places, sums, { foreign, capabilities: capabilities !== undefined })
      return signDsse(baselineType, encodeStatement(statement), [{ keyid: signer.keyId, sign: signer.sign }], io.stop)
    }
    const onForeign = () => {
      foreign += 1
    }
    const rows = walk({ ...places, capabilities, signal: io.stop, onForeign })
    await writeBaseline(path, show(paced(rows, io.clock, io.stop)), seal)
  } finally {
    await signer.close()
  }
  const { sha256, rows, unread } = seen as unknown as Sums
  return { digest: sha256, rows, unread }
}

async function* paced(rows: AsyncIterable<Row>, clock: Clock, stop: AbortSignal): AsyncGenerator<Row> {
  const beganNs = clock.monotonicNs()
  let bytes = 0
  for await (const row of rows) {
    bytes += row.facts.size ?? 0
    const aheadMs = (bytes / bytesPerSecondMax) * 1_000 - Number(clock.monotonicNs() - beganNs) / 1e6
    if (aheadMs > 10) await clock.sleep(aheadMs, stop)
    yield row
  }
}

type Found = Pick<BaselineCheck, 'against' | 'added' | 'removed' | 'changed' | 'untold' | 'names'>

const first = (): Found => ({ against: null, added: 0, removed: 0, changed: 0, untold: 0, names: [] })

async function compare(io: Io, place: Place, at: (name: string) => string): Promise<Found> {
  const trusted = signerKeyOf(at('signer.pem')) as NonNullable<ReturnType<typeof signerKeyOf>>
  const told = readTold(fileOf.toldChanges(place))
  const isWatched = isWatchedBy(entriesOf(place, io.root))
  const counts = { added: 0, removed: 0, changed: 0 }
  let untold = 0
  const [names, others] = [createNames(), createNames()]
  const before = await openBaseline(at('current'), trusted)
  const after = await openBaseline(at('next'), trusted)
  try {
    // Of other places: there is nothing to compare.
    if (String(before.statement.roots) !== String(after.statement.roots)) return first()
    for await (const difference of differences(before.rows(), after.rows(), new Set())) {
      io.stop.throwIfAborted()
      counts[difference.what] += 1
      const isUntold = isContent(difference) && isWatched(toldPath(difference.path)) && told?.(difference) === false
      if (isUntold) untold += 1
      ;(isUntold ? names : others).add(toldPath(difference.path))
    }
    const { rows_sha256: against } = before.statement
    return { against, ...counts, untold: told === undefined ? null : untold, names: namesOf(names.all, others.all) }
  } finally {
    await before.close()
    await after.close()
  }
}

/** What the baseline on this machine says, if its signature holds. */
export async function signedDigest(data: string): Promise<string | undefined> {
  const folder = join(data, 'baseline')
  try {
    const trusted = signerKeyOf(join(folder, 'signer.pem')) as NonNullable<ReturnType<typeof signerKeyOf>>
    const { statement, close } = await openBaseline(join(folder, 'current'), trusted)
    await close()
    return statement.rows_sha256
  } catch {
    return undefined
  }
}

/** Of folders less is told than a baseline has of them. */
function isContent(difference: Difference): boolean {
  const { kind } = difference.what === 'removed' ? difference.before : difference.after
  return kind === 'file' || kind === 'symlink'
}

function createNames() {
  const all: string[] = []
  return { all, add: (name: string) => void (all.length < supervisionLimits.namesMax && all.push(name)) }
}

function namesOf(...lists: readonly (readonly string[])[]): string[] {
  const { namesMax, nameBytesMax } = supervisionLimits
  let bytes = 0
  return lists
    .flat()
    .slice(0, namesMax)
    .filter((name) => {
      // As it stands in a line: what is no ASCII takes six bytes at most.
      bytes += JSON.stringify(name).length * 2
      return bytes <= nameBytesMax
    })
}
