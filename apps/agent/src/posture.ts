// SPDX-License-Identifier: Apache-2.0

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { type Clock, type Log, messageOf } from '@sealwatch/base'
import type { Journal } from './journal/journal.ts'
import type { RecordContext } from './observe/context.ts'
import { changesBetween, postureChanged, postureFound } from './observe/posture.ts'
import type { Posture } from './sources/posture.ts'

const everyMs = 10_000

export type PostureOptions = {
  readonly read: () => Posture
  /** Keeps what was found last: what changed while no agent ran is told, too. */
  readonly path: string
  /** Of the machine's tenant, and of the tenant `cluster`. */
  readonly journal: Pick<Journal, 'add'>
  readonly clusterJournal: Pick<Journal, 'add'>
  readonly context: () => RecordContext
  readonly clusterContext: () => RecordContext
  readonly bootNs: () => bigint
  readonly clock: Clock
  readonly log: Log
}

/** Tells how this host's kernel protects itself, at the start and whenever that has changed, until the signal fires. */
export async function watchPosture(options: PostureOptions, signal: AbortSignal): Promise<void> {
  const { read, path, journal, clusterJournal, context, clusterContext, bootNs, clock, log } = options
  let known: Partial<Posture> = lastFound(path)
  for (let isStart = true; !signal.aborted; isStart = false) {
    const found = read()
    const changes = changesBetween(known, found)
    if (isStart || changes.length > 0) {
      const timeNs = bootNs()
      clusterJournal.add(postureFound(timeNs, found, clusterContext()))
      for (const change of changes) journal.add(postureChanged(timeNs, change, context()))
      known = found
      keep(found)
    }
    await clock.sleep(everyMs, signal)
  }

  /** Without room on the disk the next agent does not know what was, and compares with nothing. */
  function keep(found: Posture): void {
    try {
      writeFileSync(`${path}.new`, JSON.stringify(found))
      renameSync(`${path}.new`, path)
    } catch (error) {
      log.warn(`what the kernel says of its protections is not kept: ${messageOf(error)}`, { path })
    }
  }
}

/** Nothing where no agent ran before, or what it left is of another form. */
function lastFound(path: string): Partial<Posture> {
  try {
    const kept: unknown = JSON.parse(readFileSync(path, 'utf8'))
    const rows = Object.entries(typeof kept === 'object' && kept !== null ? kept : {})
    return Object.fromEntries(rows.filter(([, value]) => value === null || typeof value === 'string'))
  } catch {
    return {}
  }
}
