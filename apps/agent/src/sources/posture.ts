// SPDX-License-Identifier: Apache-2.0
// How the kernel protects itself and its processes, as it says where everybody may read it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const sysctls = [
  'kernel/yama/ptrace_scope',
  'kernel/unprivileged_bpf_disabled',
  'kernel/core_pattern',
  'fs/suid_dumpable',
  'kernel/kptr_restrict',
  'kernel/dmesg_restrict',
  'kernel/modules_disabled',
  'kernel/randomize_va_space',
] as const
const securityFiles = ['lockdown', 'lsm'] as const

/** `lockdown`, the list of active Linux security modules (`lsm`), and sysctls by their names below /proc/sys. */
export const postureSettings = [...securityFiles, ...sysctls] as const
export type PostureSetting = (typeof postureSettings)[number]
/** null: this kernel has no such setting, or does not show it. */
export type Posture = Readonly<Record<PostureSetting, string | null>>

const valueCharsMax = 256

/** By plain calls: a handful of files that the kernel answers from memory. */
export function readPosture(folders = { security: '/sys/kernel/security', sysctl: '/proc/sys' }): Posture {
  const rows = [
    ...securityFiles.map((name) => [name, shown(name, lineOf(join(folders.security, name)))]),
    ...sysctls.map((name) => [name, lineOf(join(folders.sysctl, name))]),
  ]
  return Object.fromEntries(rows) as Posture
}

function lineOf(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8').trim().toWellFormed()
    return text.slice(0, valueCharsMax)
  } catch {
    return null
  }
}

/** Lockdown shows all its levels, and the one that holds in brackets. */
const shown = (name: (typeof securityFiles)[number], text: string | null) =>
  name === 'lockdown' ? (/\[(\w+)\]/.exec(text ?? '')?.[1] ?? null) : text
