// SPDX-License-Identifier: Apache-2.0

import type { OcsfAttack, SeverityName } from '@sealwatch/contract'

const t = (uid: string, name: string) => ({ uid, name })
const credentialAccess = { uid: 'TA0006', name: 'Credential Access' }
const stealth = { uid: 'TA0005', name: 'Stealth' }
const discovery = { uid: 'TA0007', name: 'Discovery' }
const impact = { uid: 'TA0040', name: 'Impact' }
const impairment = { uid: 'TA0112', name: 'Defense Impairment' }

const dumping = t('T1003', 'OS Credential Dumping')
const procDump = { technique: dumping, sub_technique: t('T1003.007', 'Proc Filesystem'), tactic: credentialAccess }
const dump = { technique: dumping, tactic: credentialAccess }
const injection = t('T1055', 'Process Injection')
const ptrace = { technique: injection, sub_technique: t('T1055.008', 'Ptrace System Calls'), tactic: stealth }
const inject = { technique: injection, tactic: stealth }
const injectMemory = { technique: injection, sub_technique: t('T1055.009', 'Proc Memory'), tactic: stealth }
const hooking = {
  technique: t('T1056', 'Input Capture'),
  sub_technique: t('T1056.004', 'Credential API Hooking'),
  tactic: credentialAccess,
}
const linkerHijack = {
  technique: t('T1574', 'Hijack Execution Flow'),
  sub_technique: t('T1574.006', 'Dynamic Linker Hijacking'),
  tactic: stealth,
}
const hijack = { technique: t('T1574', 'Hijack Execution Flow'), tactic: stealth }
const look = { technique: t('T1057', 'Process Discovery'), tactic: discovery }
const stop = { technique: t('T1489', 'Service Stop'), tactic: impact }
const replace = {
  technique: t('T1554', 'Compromise Host Software Binary'),
  tactic: { uid: 'TA0003', name: 'Persistence' },
}
const keys = {
  technique: t('T1552', 'Unsecured Credentials'),
  sub_technique: t('T1552.004', 'Private Keys'),
  tactic: credentialAccess,
}
const impair = { technique: t('T1562', 'Impair Defenses'), tactic: impairment }

type WayRow = {
  /** RIM-1. `low` is a look around: no incident by itself, and never a reason to do something. */
  readonly severity: SeverityName
  readonly attack: OcsfAttack
  /** Behind "somebody", before the name of what is protected. */
  readonly did: string
}

/** Every way to the memory of a protected process, and around it (docs/formats/event.md, 7.6). */
export const ways = {
  ptrace_attach: { severity: 'critical', attack: ptrace, did: 'attached by ptrace to' },
  ptrace_seize: { severity: 'critical', attack: ptrace, did: 'seized by ptrace' },
  ptrace_write: { severity: 'critical', attack: ptrace, did: 'wrote by ptrace into' },
  traced_from_birth: { severity: 'critical', attack: ptrace, did: 'traces from its start' },
  proc_mem_read: { severity: 'critical', attack: procDump, did: 'opened for reading the memory of' },
  proc_mem_write: { severity: 'critical', attack: injectMemory, did: 'opened for writing the memory of' },
  vm_read: { severity: 'critical', attack: procDump, did: 'read by process_vm_readv the memory of' },
  vm_write: { severity: 'critical', attack: inject, did: 'wrote by process_vm_writev the memory of' },
  fd_taken: { severity: 'critical', attack: inject, did: 'took a descriptor out of' },
  memory_descriptor_passed: { severity: 'critical', attack: procDump, did: 'handed on a descriptor of the memory of' },
  environ_read: { severity: 'low', attack: procDump, did: 'read the environment of' },
  fd_listed: { severity: 'low', attack: look, did: 'listed the descriptors of' },
  map_files: { severity: 'medium', attack: procDump, did: 'opened what is mapped by' },
  debugger_started: { severity: 'high', attack: ptrace, did: 'was started as a debugger of' },
  perf: { severity: 'high', attack: hooking, did: 'sampled by perf' },
  uprobe: { severity: 'high', attack: hooking, did: 'put a probe into the code of' },
  bpf_probe: { severity: 'high', attack: hooking, did: 'put a BPF program onto' },
  core_limit_raised: { severity: 'critical', attack: dump, did: 'set the limit of core dumps of' },
  dump_signal: { severity: 'critical', attack: dump, did: 'sent a signal that dumps the memory of' },
  core_pattern_changed: { severity: 'critical', attack: dump, did: 'changed where dumps go of' },
  preload: { severity: 'high', attack: linkerHijack, did: 'preloaded code into' },
  inspector_signal: { severity: 'high', attack: inject, did: 'sent the signal that opens the inspector of' },
  inspector_listens: { severity: 'high', attack: inject, did: 'opened the inspector of' },
  runtime_flags: { severity: 'medium', attack: hijack, did: 'gave flags to the runtime of' },
  new_code: { severity: 'medium', attack: inject, did: 'has new code in' },
  stopped: { severity: 'medium', attack: stop, did: 'stopped' },
  frozen: { severity: 'medium', attack: stop, did: 'froze' },
  image_replaced: { severity: 'high', attack: replace, did: 'replaced the program of' },
  key_file_read: { severity: 'high', attack: keys, did: 'read a key file of' },
  protection_weakened: { severity: 'high', attack: impair, did: 'weakened what protects' },
  maps_read: { severity: 'low', attack: look, did: 'read the memory map of' },
} as const satisfies Record<string, WayRow>

export type Way = keyof typeof ways

const order: readonly SeverityName[] = ['informational', 'low', 'medium', 'high', 'critical']

export const isAtLeast = (severity: SeverityName, other: SeverityName): boolean =>
  order.indexOf(severity) >= order.indexOf(other)

/** A look around: counted, and told as part of an incident that is there for something else. */
export const isRecon = (way: Way): boolean => ways[way].severity === 'low'

/** By these what lies in the memory, or in a key file, is read: whoever goes on has the new keys, too. */
const reading: ReadonlySet<Way> = new Set<Way>([
  ...(['ptrace_attach', 'ptrace_seize', 'traced_from_birth', 'proc_mem_read', 'proc_mem_write', 'vm_read'] as const),
  ...(['fd_taken', 'memory_descriptor_passed', 'dump_signal', 'inspector_listens', 'key_file_read'] as const),
])
export const isReading = (way: Way): boolean => reading.has(way)

/** What the LSM of a kernel refuses where the guard says so (docs/kernels.md); what is written by ptrace was attached before. */
const preventable: ReadonlySet<Way> = new Set<Way>([
  ...(['ptrace_attach', 'ptrace_seize', 'proc_mem_read', 'proc_mem_write', 'vm_read', 'vm_write', 'fd_taken'] as const),
])
export const isPreventable = (way: Way): boolean => preventable.has(way)

/** Most precise first: "T1003.007". */
export const techniqueNumber = (way: Way): string => {
  const { technique, sub_technique }: OcsfAttack = ways[way].attack
  return (sub_technique ?? technique)?.uid ?? ''
}
