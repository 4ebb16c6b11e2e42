// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Disk, messageOf } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { sha256 } from '../sha256.ts'
import {
  formatSplitView,
  judgeSplitView,
  parseSplitView,
  type SplitView,
  type SplitViewReport,
} from '../verify/split-view.ts'
import { witnessError } from './errors.ts'
import { logIdOf, type WitnessPlaces } from './places.ts'

/** Evidence that the witness keeps: a file `<first 16 digits of the log's id>-<first 16 of the second note's hash>.json`. */
export type Evidence = {
  readonly id: string
  readonly seenAt: string
  /** The log has shown since that what was `unproven` was a wrong proof of a right tree. */
  readonly settled: boolean
  readonly report: SplitViewReport
}

export const evidenceLimits = { ofLog: 64, all: 1024 } as const

export const evidenceIdOf = (origin: string, second: string): string =>
  `${logIdOf(origin).slice(0, 16)}-${sha256(Buffer.from(second)).toHex().slice(0, 16)}`

const fileForm = /^([0-9a-f]{16}-[0-9a-f]{16})(\.settled)?\.json$/
const fileOf = (places: WitnessPlaces, id: string, settled: boolean) =>
  join(places.evidence, `${id}${settled ? '.settled' : ''}.json`)

export const judge = (split: SplitView): SplitViewReport => judgeSplitView({ sha256, verify: verifyEd25519 }, split)

/** All that is kept, oldest first; files that are not what was written are named by their faults. */
export async function listEvidence(
  disk: Disk,
  places: WitnessPlaces,
): Promise<{ readonly kept: readonly Evidence[]; readonly faults: readonly string[] }> {
  const kept: Evidence[] = []
  const faults: string[] = []
  for (const name of await disk.list(places.evidence)) {
    const [, id, settled] = fileForm.exec(name) ?? []
    if (id === undefined) continue
    try {
      const split = parse(await disk.read(join(places.evidence, name)), id)
      kept.push({ id, seenAt: split.seenAt, settled: settled !== undefined, report: judge(split) })
    } catch (error) {
      faults.push(`${name}: ${messageOf(error)}`)
    }
  }
  return { kept: kept.sort((a, b) => (a.seenAt < b.seenAt ? -1 : 1)), faults }
}

/** The file as anybody may have it. Throws WITNESS_NO_EVIDENCE. */
export async function readEvidence(
  disk: Disk,
  places: WitnessPlaces,
  id: string,
): Promise<SplitView & { text: string }> {
  const bytes = (await disk.read(fileOf(places, id, false))) ?? (await disk.read(fileOf(places, id, true)))
  return { ...parse(bytes, id), text: Buffer.from(bytes as Uint8Array).toString('utf8') }
}

/** Durable when it resolves; takes the place of what is kept under the same id. */
export async function keepEvidence(
  disk: Disk,
  places: WitnessPlaces,
  split: SplitView,
  seenAt: string,
): Promise<Evidence> {
  const report = judge(split)
  const id = evidenceIdOf(report.origin, split.second)
  await disk.replace(fileOf(places, id, false), formatSplitView(split, seenAt))
  return { id, seenAt, settled: false, report }
}

export const settleEvidence = (disk: Disk, places: WitnessPlaces, id: string): Promise<void> =>
  disk.rename(fileOf(places, id, false), fileOf(places, id, true))

function parse(bytes: Uint8Array | undefined, id: string) {
  const attempted = `reading the evidence ${id}`
  if (bytes === undefined) throw witnessError('WITNESS_NO_EVIDENCE', { attempted })
  return parseSplitView(Buffer.from(bytes).toString('utf8'), attempted)
}
