// SPDX-License-Identifier: Apache-2.0
// The journal with Forward Secure Sealing, at its best: systemd-journal-remote writes entries from a file into one sealed
// journal file, in a mount namespace where the sealing key is its own. It syncs at the end alone, journald itself every
// five minutes; the way through its socket, which costs most, is left out. Entries have the fields that journald gives them.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const writer = '/lib/systemd/systemd-journal-remote'

/** It takes seconds for so many. */
export const journalEntries = 12 * 4096

export type Journal = {
  /** Writes the entries into a new sealed journal; seconds. */
  seal(): number
  /** `journalctl --verify` of what was sealed last; seconds. */
  verify(): number
}

/** Undefined, with a word about it, where it cannot run. */
export function openJournal(dir: string, messages: readonly string[]): Journal | undefined {
  const missing = [writer, '/bin/journalctl', '/usr/bin/unshare'].filter((path) => !existsSync(path))
  if (missing.length > 0 || process.getuid?.() !== 0) {
    const why =
      missing.length > 0 ? `${missing.join(', ')} is missing (apt-get install systemd-journal-remote)` : 'not root'
    console.error(`SKIPPED: journald with Forward Secure Sealing: ${why}`)
    return undefined
  }
  const home = join(dir, 'journal')
  mkdirSync(join(home, readFileSync('/etc/machine-id', 'utf8').trim()), { recursive: true })
  const [entries, journal] = [join(home, 'entries'), join(home, 'sealed.journal')]
  writeFileSync(entries, messages.map(entryOf).join(''))
  const inside = (command: string) => ['-m', 'sh', '-c', `mount --bind "${home}" /var/log/journal && ${command}`]
  const key = execFileSync('unshare', inside('journalctl --setup-keys --force 2>/dev/null'), { encoding: 'utf8' })
    .trim()
    .split('\n')
    .at(-1)
  const timed = (command: string): number => {
    const startMs = performance.now()
    const { status, stderr } = spawnSync('unshare', inside(command), { encoding: 'utf8' })
    if (status !== 0) throw new Error(`the journal failed: ${stderr}`)
    return (performance.now() - startMs) / 1000
  }
  return {
    seal: () => {
      for (const name of readdirSync(home)) if (name.endsWith('.journal')) rmSync(join(home, name))
      return timed(`${writer} --seal=yes --compress=no --split-mode=none -o "${journal}" "${entries}"`)
    },
    verify: () => timed(`journalctl --verify --verify-key="${key}" --file "${home}/*.journal"`),
  }
}

// What journald itself writes beside every message of a service.
const trusted = {
  _TRANSPORT: 'syslog',
  SYSLOG_FACILITY: '3',
  _UID: '0',
  _GID: '0',
  _COMM: 'bash',
  _EXE: '/usr/bin/bash',
  _CMDLINE: '/bin/bash /usr/bin/service',
  _CAP_EFFECTIVE: '1ffffffffff',
  _SELINUX_CONTEXT: 'unconfined',
  _SYSTEMD_CGROUP: '/system.slice/bench.service',
  _SYSTEMD_UNIT: 'bench.service',
  _SYSTEMD_SLICE: 'system.slice',
  _SYSTEMD_INVOCATION_ID: '0123456789abcdef0123456789abcdef',
  _MACHINE_ID: '0123456789abcdef0123456789abcdef',
  _HOSTNAME: 'bench',
}
const fields = Object.entries(trusted)
  .map(([name, value]) => `${name}=${value}\n`)
  .join('')

/** The journal's export format. */
function entryOf(message: string, i: number): string {
  const startUs = Date.now() * 1000
  const times = `__REALTIME_TIMESTAMP=${startUs + i}\n__MONOTONIC_TIMESTAMP=${1_000_000 + i}\n_SOURCE_REALTIME_TIMESTAMP=${startUs + i}\n`
  const own = `_PID=${1000 + (i % 60_000)}\nMESSAGE=${message}\nPRIORITY=6\nSYSLOG_IDENTIFIER=bench\n`
  return `${times}_BOOT_ID=0123456789abcdef0123456789abcdef\n${own}${fields}\n`
}
