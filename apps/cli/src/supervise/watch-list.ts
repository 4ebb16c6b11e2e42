// SPDX-License-Identifier: Apache-2.0

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { entryProblem } from '@sealwatch/contract/watch-entry'
import { cliError } from '../errors.ts'
import { fileOf, type Place } from '../place.ts'
import { readSmallFile } from '../small-file.ts'

const entriesMax = 256
const listBytesMax = 1024 * 1024

/** What is watched where nobody has said it. */
export const defaultWatchList = (
  place: Place,
): string => `# What is an event: one entry a line. A folder means the files directly in it. Sealwatch reads this list when it starts, its units by: sealwatch watch apply
#   PATH                        whoever opens it, and what changes in it
#   changes:PATH                only what changes
#   losses:PATH                 only that it is removed, renamed or shortened
#   changes,below:PATH          with all folders below it; losses,below:PATH the same
#   changes,diff:PATH           with the lines that changed, in texts that everybody may read
#   changes:~/PATH              in the home of each account that can log in
#   urgent:PATH                 the guard is told, too; urgent,changes:PATH the same
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
urgent:${join(place.data, 'server/keys')}
urgent:${join(place.data, 'agent/host.key')}
urgent:${join(place.data, 'agent/identity.pem')}
# Who may come in
changes,diff:/etc/passwd
changes,diff:/etc/group
changes,below,diff:/etc/ssh
changes,below,diff:/etc/pam.d
changes,below,diff:/etc/security
changes,diff:/etc/nsswitch.conf
changes,below:~/.ssh
# What is started by itself
changes,diff:/etc/crontab
changes:/etc/anacrontab
changes,diff:/etc/cron.d
changes:/etc/cron.hourly
changes:/etc/cron.daily
changes:/etc/cron.weekly
changes:/etc/cron.monthly
changes,below:/var/spool/cron
changes,below:/etc/systemd
changes,below:/usr/lib/systemd/system
changes,below:/usr/local/lib/systemd
changes:/etc/init.d
changes:/etc/rc.local
changes:/etc/udev/rules.d
# What each program or each shell takes in
urgent,changes,diff:/etc/ld.so.preload
changes,diff:/etc/ld.so.conf
changes:/etc/ld.so.conf.d
changes,diff:/etc/environment
changes,diff:/etc/profile
changes:/etc/profile.d
changes,diff:/etc/bash.bashrc
changes:~/.bashrc
changes:~/.bash_profile
changes:~/.profile
changes:~/.zshrc
# The kernel and what it is told
changes,below:/boot
changes,diff:/etc/modules
changes:/etc/modules-load.d
changes:/etc/modprobe.d
changes,diff:/etc/sysctl.conf
changes:/etc/sysctl.d
# Programs and libraries
changes:/usr/bin
changes:/usr/sbin
changes:/usr/local/bin
changes:/usr/local/sbin
changes:/usr/lib
changes:/usr/lib64
changes:/usr/lib/x86_64-linux-gnu
changes:/usr/lib/x86_64-linux-gnu/security
changes:/usr/lib/aarch64-linux-gnu
changes,below:/etc/apt
# What tells of all this afterwards
losses,below:/var/log
`

/** Of the program itself: whoever puts other code in its place, or changes the list, is told, whatever the operator's list says. */
export const programEntries = (place: Place, root: string, node: string): readonly string[] => [
  ...['agent', 'cli', 'dev-login', 'sensor', 'server'].map((app) => `urgent,changes,below:${join(root, 'apps', app)}`),
  ...['base', 'contract', 'detect', 'keys', 'ledger'].map(
    (name) => `urgent,changes,below:${join(root, 'packages', name)}`,
  ),
  `urgent,changes:${join(root, 'sealwatch')}`,
  `urgent,changes:${node}`,
  'changes:/etc/sealwatch',
  `changes,diff:${fileOf.watchList(place)}`,
]

/** What users make in their homes may use up what room there is for folders, and not that of the system. */
export function homesLast(entries: readonly string[]): string[] {
  const isOfHomes = (entry: string) => /(^|:)~\//.test(entry)
  return [...entries.filter((entry) => !isOfHomes(entry)), ...entries.filter(isOfHomes)]
}

/** The operator's list, made with defaults where there is none, the program itself, and the canary folder of doctor. */
export const watchedPaths = (place: Place, root: string): string[] =>
  homesLast([...listedEntries(place, root), fileOf.canary(place)])

/** The same without that folder, which units have none of. */
export function listedEntries(place: Place, root: string): string[] {
  const path = fileOf.watchList(place)
  try {
    writeFileSync(path, defaultWatchList(place), { flag: 'wx', mode: 0o644 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return homesLast([...parseWatchList(textOf(path), path), ...programEntries(place, root, process.execPath)])
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
  const entries: string[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.trim()
    if (entry === '' || entry.startsWith('#')) continue
    const problem = entryProblem(entry)
    if (problem !== undefined)
      throw cliError('CLI_WATCH_LIST', { attempted, received: `line ${index + 1}: ${entry} (${problem})` })
    entries.push(entry)
  }
  if (entries.length > entriesMax)
    throw cliError('CLI_WATCH_LIST', { attempted, received: `${entries.length} entries` })
  return entries
}
