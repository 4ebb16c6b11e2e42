// SPDX-License-Identifier: Apache-2.0

import { eventClasses } from '@sealwatch/contract'
import type { SensorStatus } from '../status/types.ts'
import type { Act } from './acts.ts'

/** What each source other than BPF sees of the acts (docs/fallbacks.md); its site is called after it. */
const acts: Readonly<Record<string, readonly string[]>> = {
  proc_connector: ['exec', 'exit', 'fork', 'ptrace', 'task_rename'],
  fanotify: ['open', 'openat', 'openat2', 'creat'],
}

const isOfFiles = ({ name, classUid }: Act) => classUid === eventClasses.file.uid || name === 'mem'

/** The site that must see an act in these modes (empty: any); null: none does, and the modes say so. */
export function siteFor(act: Act, modes: SensorStatus['modes'] | undefined): string | null {
  const mode = (isOfFiles(act) ? modes?.file : modes?.process) ?? 'ebpf'
  if (mode === 'ebpf') return act.site
  return acts[mode]?.includes(act.name) === true ? mode : null
}
