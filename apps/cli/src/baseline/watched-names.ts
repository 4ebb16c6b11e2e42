// SPDX-License-Identifier: Apache-2.0

import { fileOf, type Place } from '../place.ts'
import { readSmallFile } from '../small-file.ts'
import { watchedPaths } from '../supervise/watch-list.ts'

const listBytesMax = 1024 * 1024

/** The entries of this instance whose changes are told, those that the server told included. */
export function entriesOf(place: Place, root: string): string[] {
  const told = textOf(fileOf.toldWatchList(place)).split('\n')
  return [...watchedPaths(place, root), ...told.filter((line) => line !== '')]
}

function textOf(path: string): string {
  try {
    return readSmallFile(path, listBytesMax)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** Whether a file's changes are told by its name (docs/formats/frame.md, 6.9). Those of homes and of losses are left out. */
export function isWatchedBy(entries: readonly string[]): (path: string) => boolean {
  const exact = new Set<string>()
  const below: string[] = []
  for (const entry of entries) {
    const colon = entry.startsWith('/') ? -1 : entry.indexOf(':')
    const words = colon < 0 ? [] : entry.slice(0, colon).split(',')
    const path = entry.slice(colon + 1)
    if (!path.startsWith('/') || words.includes('losses')) continue
    exact.add(path)
    if (words.includes('below')) below.push(`${path}/`)
  }
  return (path) =>
    exact.has(path) ||
    exact.has(path.slice(0, path.lastIndexOf('/')) || '/') ||
    below.some((folder) => path.startsWith(folder))
}
