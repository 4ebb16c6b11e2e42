// SPDX-License-Identifier: Apache-2.0

import { realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import type { Places } from './landlock.ts'

const root = join(import.meta.dirname, '../../../..')
/** Where a checkout shares its libraries with another one, what is in node_modules leads there. */
const libraries = folderOf(join(root, 'node_modules/canonicalize'))
/** The system's, and the few tools that we start: flock. */
const system = ['/opt', '/usr', '/bin', '/sbin', '/lib', '/lib64']
/** Names, time zones, authorities and numbers of the machine, for all to read. */
const machine = ['/etc', '/proc', '/sys', '/run/systemd/resolve', '/dev/urandom', '/dev/random']

export type PlacesGiven = {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly folders: readonly string[]
  readonly files?: readonly string[]
  readonly read?: readonly string[]
}

/**
 * What a program of ours uses: its code, the system's libraries, and its own `folders`; `read`: single files, or folders with
 * all that is in them. `files`: what its settings name and it reads again later, with the folders they lie in, for they are
 * replaced by renaming; empty names count for nothing.
 */
export function placesOf({ env, folders, files = [], read = [] }: PlacesGiven): Places {
  const cache = env.NODE_COMPILE_CACHE
  return {
    execute: system,
    read: [
      root,
      ...libraries,
      dirname(process.execPath),
      ...machine,
      ...read,
      ...files.filter((path) => path !== '').flatMap(around),
    ],
    write: [...folders, '/dev/null', ...(cache === undefined ? [] : [cache])],
  }
}

/** A link leads to a folder that may be another. */
const around = (path: string): string[] => [dirname(path), ...folderOf(path)]

/** None where nothing lies there. */
function folderOf(path: string): string[] {
  try {
    return [dirname(realpathSync(path))]
  } catch {
    return []
  }
}
