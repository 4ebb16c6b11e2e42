// SPDX-License-Identifier: Apache-2.0

import { type Clock, type Disk, type Log, rfc3339 } from '@sealwatch/base'
import type { SplitView } from '../verify/split-view.ts'
import type { LastCosigned } from './decide.ts'
import {
  type Evidence,
  evidenceIdOf,
  evidenceLimits,
  judge,
  keepEvidence,
  listEvidence,
  readEvidence,
  settleEvidence,
} from './evidence.ts'
import type { WitnessPlaces } from './places.ts'

export type SplitViewCounts = {
  readonly proven: number
  readonly unproven: number
  readonly settled: number
  /** Seen again, or beyond what is kept: refused like the others. */
  readonly repeated: number
}

/** Keeps what seems to contradict, tells of it once, and takes back what turns out to be no contradiction. */
export type SplitViewWatch = {
  /** Resolves when it is kept; to be called before the answer leaves. */
  saw(origin: string, split: SplitView): Promise<void>
  /** The log has proven this tree: what was held against it is settled, what was held against another of that size is proven. */
  proved(origin: string, tree: LastCosigned): Promise<void>
  counts(): SplitViewCounts
}

type Options = { readonly disk: Disk; readonly places: WitnessPlaces; readonly clock: Clock; readonly log: Log }

export async function openSplitViewWatch({ disk, places, clock, log }: Options): Promise<SplitViewWatch> {
  const { kept, faults } = await listEvidence(disk, places)
  for (const fault of faults) log.error('a file of evidence is not what was written', { fault })
  const known = new Map(kept.map((evidence) => [evidence.id, evidence]))
  let repeated = 0

  async function saw(origin: string, split: SplitView): Promise<void> {
    const earlier = known.get(evidenceIdOf(origin, split.second))
    const isNews = earlier === undefined ? isRoomFor(origin) : isOpen(earlier) && judge(split).proven
    if (isNews) await keep(split)
    else repeated += 1
  }

  async function keep(split: SplitView): Promise<void> {
    const evidence = await keepEvidence(disk, places, split, rfc3339(clock.nowNs()))
    known.set(evidence.id, evidence)
    const { origin, kind, proven, sizes, roots } = evidence.report
    const said = proven
      ? 'SPLIT VIEW: a log signed two trees that contradict each other'
      : 'POSSIBLE SPLIT VIEW: a log signed a tree that was not shown to extend the last one'
    log.critical(said, { origin, evidence: evidence.id, kind, sizes, roots })
  }

  const isRoomFor = (origin: string) =>
    known.size < evidenceLimits.all &&
    [...known.values()].filter(({ report }) => report.origin === origin).length < evidenceLimits.ofLog

  async function proved(origin: string, { size, root, note }: LastCosigned): Promise<void> {
    for (const evidence of known.values()) {
      const { id, report } = evidence
      if (note === undefined || !isOpen(evidence) || report.origin !== origin || report.sizes[1] !== size) continue
      if (report.roots[1] === root.toBase64()) {
        await settleEvidence(disk, places, id)
        known.set(id, { ...evidence, settled: true })
        log.info('a possible split view is settled: the log has proven that tree', { origin, evidence: id })
      } else {
        const { second, logKeys } = await readEvidence(disk, places, id)
        await keep({ first: note, second, proof: [], logKeys })
      }
    }
  }

  return {
    saw,
    proved,
    counts: () => {
      const all = [...known.values()]
      return {
        proven: all.filter(({ report }) => report.proven).length,
        unproven: all.filter(isOpen).length,
        settled: all.filter(({ settled }) => settled).length,
        repeated,
      }
    },
  }
}

const isOpen = ({ settled, report }: Evidence) => !settled && !report.proven
