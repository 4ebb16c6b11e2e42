// SPDX-License-Identifier: Apache-2.0

import { eventClasses } from '@sealwatch/contract'
import type { SensorStatus } from '../status/types.ts'
import type { Act } from './acts.ts'

const opens = ['open', 'openat', 'openat2', 'creat', 'entry_32', 'open_by_handle_at', 'io_uring']

/** What each source other than BPF sees of the acts (docs/fallbacks.md); its site is called after it. */
const acts: Readonly<Record<string, readonly string[]>> = {
  proc_connector: ['exec', 'exit', 'fork', 'ptrace', 'task_rename'],
  fanotify: opens,
  proc_poll: ['exec', 'exit'],
  inotify: opens,
  sock_diag: ['accept', 'bind', 'connect', 'listen'],
  proc_net: ['accept', 'bind', 'connect', 'listen'],
}

/** Have a source of their own beside every mode. */
const everywhere: readonly string[] = ['file_change']

export function domainOf({ name, classUid }: Act): keyof SensorStatus['modes'] {
  if (classUid === eventClasses.network.uid) return 'network'
  if (name === 'mount') return 'process'
  return classUid === eventClasses.file.uid || name === 'mem' ? 'file' : 'process'
}

/** Sites of polling, which is another thing in each domain. */
const polling = { process: 'proc_poll', file: 'inotify', network: 'proc_net' } as const

/** The site that must see an act in these modes (empty: any); null: none does, and the modes say so. */
export function siteFor(act: Act, modes: SensorStatus['modes'] | undefined): string | null {
  const domain = domainOf(act)
  const mode = modes?.[domain] ?? 'ebpf'
  if (mode === 'ebpf' || everywhere.includes(act.name)) return act.site
  const site = mode === 'polling' ? polling[domain] : mode
  return acts[site]?.includes(act.name) === true ? site : null
}
