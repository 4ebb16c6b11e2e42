// SPDX-License-Identifier: Apache-2.0

import { writeFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { cliError } from '../errors.ts'
import { fileOf, type Place } from '../place.ts'
import { readSmallFile } from '../small-file.ts'

const pathsMax = 256
const listBytesMax = 1024 * 1024

/** What is watched where nobody has said it. */
export const defaultWatchList = (
  place: Place,
): string => `# Files and folders whose opening is an event: one absolute path a line. A folder means the files directly in it.
# Sealwatch reads this list when it starts.
/etc/shadow
/etc/gshadow
# What passwd and its kin leave of the state before
/etc/shadow-
/etc/gshadow-
/etc/sudoers
/etc/sudoers.d
/root/.ssh
/etc/ssh/ssh_host_ecdsa_key
/etc/ssh/ssh_host_ed25519_key
/etc/ssh/ssh_host_rsa_key
# Sealwatch's own keys
${join(place.data, 'server/keys')}
${join(place.data, 'agent/host.key')}
${join(place.data, 'agent/identity.pem')}
`

/** The operator's list, made with defaults where there is none, and the canary folder of doctor. */
export function watchedPaths(place: Place): string[] {
  const path = fileOf.watchList(place)
  try {
    writeFileSync(path, defaultWatchList(place), { flag: 'wx', mode: 0o644 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return [...parseWatchList(textOf(path), path), fileOf.canary(place)]
}

function textOf(path: string): string {
  try {
    return readSmallFile(path, listBytesMax)
  } catch (cause) {
    const received = (cause as NodeJS.ErrnoException).code
    throw cliError('CLI_WATCH_LIST', { attempted: `reading the watch list ${path}`, received, cause })
  }
}

export function parseWatchList(text: string, source: string): string[] {
  const attempted = `reading the watch list ${source}`
  const paths: string[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.trim()
    if (entry === '' || entry.startsWith('#')) continue
    if (!isAbsolute(entry)) throw cliError('CLI_WATCH_LIST', { attempted, received: `line ${index + 1}: ${entry}` })
    paths.push(entry)
  }
  if (paths.length > pathsMax) throw cliError('CLI_WATCH_LIST', { attempted, received: `${paths.length} paths` })
  return paths
}
