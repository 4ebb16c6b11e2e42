// SPDX-License-Identifier: Apache-2.0
// What the sensor's unit watches (docs/privileges.md, Units): no supervisor gives it its list there, so root leaves it in a file.

import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import type { Log } from '@sealwatch/base'
import { cliError } from '../errors.ts'
import { fileOf, type Place } from '../place.ts'
import { readSmallFile } from '../small-file.ts'
import { openToldWatchList } from './told-watch-list.ts'
import { listedEntries } from './watch-list.ts'

const listBytesMax = 8 * 1024 * 1024

export type UnitWatchList = {
  readonly entries: number
  /** Of them, those that groups of hosts are told; undefined: root has not said whose count. */
  readonly told: number | undefined
  /** Whether the sensor has another list now. */
  readonly isNew: boolean
}

/**
 * Writes what the sensor's unit reads at its start, from the operator's list and, verified, the server's. `authority`: the file that says
 * which CA speaks for the server. Throws CLI_WATCH_LIST.
 */
export function writeUnitWatchList(place: Place, root: string, authority: string, log: Log): UnitWatchList {
  const listed = listedEntries(place, root)
  refuseOthers(fileOf.watchList(place))
  const told = existsSync(authority) ? toldEntries(place, authority, log) : undefined
  const entries = [...listed, ...(told ?? [])]
  const list = fileOf.unitWatchList(place)
  const isNew = [
    replace(list, entries.map((entry) => `${entry}\n`).join('')),
    replace(fileOf.unitWatchVariable(place), `WATCHED=--watch-file ${list}\n`),
  ].includes(true)
  return { entries: entries.length, told: told?.length, isNew }
}

function toldEntries(place: Place, authority: string, log: Log): readonly string[] {
  refuseOthers(authority)
  openToldWatchList(place, log, [authority])
  return readSmallFile(fileOf.toldWatchList(place), listBytesMax)
    .split('\n')
    .filter((entry) => entry !== '')
}

/** Who writes these decides what is seen: nobody but who applies them, which is root. */
function refuseOthers(path: string): void {
  const { uid, mode } = statSync(path)
  if (uid === process.getuid?.() && (mode & 0o022) === 0) return
  throw cliError('CLI_WATCH_LIST', {
    attempted: `reading ${path}`,
    received: `owner ${uid}, mode ${(mode & 0o777).toString(8)}`,
    advice: `It decides what is watched, so it is root's, and nobody else's to write: sudo chown root ${path}; sudo chmod 644 ${path}`,
  })
}

/** Whether it was anything else before. */
function replace(path: string, text: string): boolean {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined && readFileSync(path, 'utf8') === text) return false
  writeFileSync(`${path}.new`, text, { mode: 0o644 })
  renameSync(`${path}.new`, path)
  return true
}
