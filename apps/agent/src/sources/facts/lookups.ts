// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import type { Enrichment } from '../../observe/enrichment.ts'
import type { SensorMessage } from '../observation.ts'
import { readBootNs } from '../proc-snapshot.ts'
import { createImageHashes, type Exec, type ImageLookups } from './image-hashes.ts'
import { createPackages, type PackageLookups } from './packages.ts'
import { createProcessFacts, type ProcessLookups } from './process-facts.ts'
import { type Change, createShipped, leftAt, type ShippedLookups } from './shipped.ts'

/** Fills the memory that events are enriched from, beside their way. */
export type Lookups = {
  readonly enrichment: Enrichment
  /** Looks up what these messages need; resolves when that is known, after `patienceMs` at the latest. */
  prepare(messages: readonly SensorMessage[]): Promise<void>
}

/** Of an end there is nothing to see any more, a fork is no event, and of who changed a file the pid alone is told. */
const notLookedUp = ['hello', 'report', 'exit', 'fork', 'overflow', 'file_change'] as const
function isLookedUp(message: SensorMessage): message is Exclude<SensorMessage, { kind: (typeof notLookedUp)[number] }> {
  return !notLookedUp.some((kind) => kind === message.kind)
}

/** How long the events of one read of the socket wait at most. What comes later serves the events after. */
export const patienceMs = 10
/** Where a change may have left what no package brought: whether it did is told then, or never. */
export const changePatienceMs = 100

type Parts = {
  readonly processes: ProcessLookups
  readonly images: ImageLookups
  readonly packages: PackageLookups
  readonly shipped: ShippedLookups
}

export function createLookups(clock: Clock, parts: Parts = systemParts(clock)): Lookups {
  const { processes, images, packages, shipped } = parts
  return {
    enrichment: { process: processes.of, image: images.of, owner: packages.of, shipped: shipped.of },
    prepare: async (messages) => {
      const observed = messages.flatMap((message) => (isLookedUp(message) ? [message] : []))
      // Of an image that was started several times the last start counts: found unchanged after it, it was before.
      const execs = new Map<string, Exec>()
      for (const one of observed) if (one.kind === 'exec') execs.set(`${one.file.dev}:${one.file.ino}`, one)
      const changed = messages.flatMap((message) => (message.kind === 'file_change' ? [message] : []))
      const mayBeShipped = changed.flatMap((change) => shipped.look(change) ?? [])
      const looking = [
        // With its image a process often changes its groups and its terminal.
        ...observed.flatMap(({ actor, kind }) => processes.look(actor, kind === 'exec') ?? []),
        ...observed.flatMap((one) => ('file' in one ? (packages.look(one.file, one.actor.mntNs) ?? []) : [])),
        ...changed.flatMap((change) => namesOf(change).flatMap((file) => packages.look(file, null) ?? [])),
        ...mayBeShipped,
        ...Array.from(execs.values()).flatMap((exec) => images.look(exec) ?? []),
      ]
      if (looking.length === 0) return
      const done = new AbortController()
      // With a reason: else it makes an error, and its stack, for each read of the socket.
      const all = Promise.all(looking).then(() => done.abort('known'))
      await Promise.race([all, clock.sleep(mayBeShipped.length > 0 ? changePatienceMs : patienceMs, done.signal)])
    },
  }
}

/** The names of which it is told whose they are. */
function namesOf(change: Change) {
  const mode = (change.after ?? change.before)?.mode
  if (mode === undefined) return []
  return [change.path, leftAt(change)].flatMap((path) =>
    path === null ? [] : [{ path, ino: change.ino, mode, unlinked: false }],
  )
}

function systemParts(clock: Clock): Parts {
  const packages = createPackages(clock)
  return {
    processes: createProcessFacts(clock),
    images: createImageHashes(clock, readBootNs),
    packages,
    shipped: createShipped(clock, packages.shippedMd5),
  }
}
