// SPDX-License-Identifier: Apache-2.0

import type { OcsfAttack } from '@sealwatch/contract'

/** MITRE ATT&CK, enterprise matrix: by the name that Sigma's tags use. */
const tactics: Readonly<Record<string, { readonly uid: string; readonly name: string }>> = {
  reconnaissance: { uid: 'TA0043', name: 'Reconnaissance' },
  'resource-development': { uid: 'TA0042', name: 'Resource Development' },
  'initial-access': { uid: 'TA0001', name: 'Initial Access' },
  execution: { uid: 'TA0002', name: 'Execution' },
  persistence: { uid: 'TA0003', name: 'Persistence' },
  'privilege-escalation': { uid: 'TA0004', name: 'Privilege Escalation' },
  'defense-evasion': { uid: 'TA0005', name: 'Defense Evasion' },
  // Since version 19 the former Defense Evasion is two tactics.
  stealth: { uid: 'TA0005', name: 'Stealth' },
  'defense-impairment': { uid: 'TA0112', name: 'Defense Impairment' },
  'credential-access': { uid: 'TA0006', name: 'Credential Access' },
  discovery: { uid: 'TA0007', name: 'Discovery' },
  'lateral-movement': { uid: 'TA0008', name: 'Lateral Movement' },
  collection: { uid: 'TA0009', name: 'Collection' },
  'command-and-control': { uid: 'TA0011', name: 'Command and Control' },
  exfiltration: { uid: 'TA0010', name: 'Exfiltration' },
  impact: { uid: 'TA0040', name: 'Impact' },
}

/** Names of the techniques that rules/ speaks of; others are told by their number alone. */
const techniques: Readonly<Record<string, string>> = {
  T1003: 'OS Credential Dumping',
  'T1003.007': 'Proc Filesystem',
  'T1003.008': '/etc/passwd and /etc/shadow',
  T1027: 'Obfuscated Files or Information',
  'T1027.011': 'Fileless Storage',
  T1040: 'Network Sniffing',
  T1053: 'Scheduled Task/Job',
  'T1053.003': 'Cron',
  T1055: 'Process Injection',
  'T1055.008': 'Ptrace System Calls',
  'T1055.009': 'Proc Memory',
  T1056: 'Input Capture',
  'T1056.004': 'Credential API Hooking',
  T1059: 'Command and Scripting Interpreter',
  'T1059.004': 'Unix Shell',
  T1068: 'Exploitation for Privilege Escalation',
  T1070: 'Indicator Removal',
  'T1070.002': 'Clear Linux or Mac System Logs',
  'T1070.006': 'Timestomp',
  T1071: 'Application Layer Protocol',
  T1098: 'Account Manipulation',
  'T1098.004': 'SSH Authorized Keys',
  T1136: 'Create Account',
  'T1136.001': 'Local Account',
  T1205: 'Traffic Signaling',
  'T1205.002': 'Socket Filters',
  T1542: 'Pre-OS Boot',
  T1543: 'Create or Modify System Process',
  'T1543.002': 'Systemd Service',
  T1546: 'Event Triggered Execution',
  'T1546.004': 'Unix Shell Configuration Modification',
  T1547: 'Boot or Logon Autostart Execution',
  'T1547.006': 'Kernel Modules and Extensions',
  T1204: 'User Execution',
  T1548: 'Abuse Elevation Control Mechanism',
  'T1548.001': 'Setuid and Setgid',
  'T1548.003': 'Sudo and Sudo Caching',
  T1552: 'Unsecured Credentials',
  'T1552.004': 'Private Keys',
  'T1552.005': 'Cloud Instance Metadata API',
  T1554: 'Compromise Host Software Binary',
  T1556: 'Modify Authentication Process',
  'T1556.003': 'Pluggable Authentication Modules',
  T1562: 'Impair Defenses',
  'T1562.001': 'Disable or Modify Tools',
  T1564: 'Hide Artifacts',
  'T1564.013': 'Bind Mounts',
  T1571: 'Non-Standard Port',
  T1574: 'Hijack Execution Flow',
  'T1574.006': 'Dynamic Linker Hijacking',
  T1620: 'Reflective Code Loading',
}

const techniqueTag = /^attack\.(t\d{4})(\.\d{3})?$/
const tacticTag = /^attack\.([a-z_-]+)$/

/** The rule's techniques, each under the first tactic that the rule names: Sigma does not say which belongs to which. */
export function attacksOf(tags: readonly string[]): readonly OcsfAttack[] {
  const tactic = tags
    .map((tag) => tactics[tacticTag.exec(tag)?.[1]?.replaceAll('_', '-') ?? ''])
    .find((found) => found !== undefined)
  const found = tags.flatMap((tag) => {
    const [, technique, sub] = techniqueTag.exec(tag) ?? []
    return technique === undefined ? [] : [attackOf(technique.toUpperCase(), sub)]
  })
  const attacks = found.map((attack) => ({ ...attack, ...(tactic && { tactic }) }))
  return attacks.length === 0 && tactic ? [{ tactic }] : attacks
}

const toldMax = 4
const techniqueForm = /^(T\d{4})(\.\d{3})?$/

/**
 * What an event says that it is an instance of: it knows the very act, where its rule knows its kind. Whoever wrote it may
 * have written anything: what has another form is left out. Empty: it says nothing.
 */
export function attacksToldBy(event: object): readonly OcsfAttack[] {
  const told = memberOf(memberOf(event, 'finding_info'), 'attacks')
  if (!Array.isArray(told)) return []
  return told.slice(0, toldMax).flatMap((one: unknown) => {
    const uid = uidOf(one, 'sub_technique') ?? uidOf(one, 'technique')
    const [, technique, sub] = techniqueForm.exec(uid ?? '') ?? []
    const tactic = Object.values(tactics).findLast((known) => known.uid === uidOf(one, 'tactic'))
    return technique === undefined ? [] : [{ ...attackOf(technique, sub), ...(tactic && { tactic }) }]
  })
}

function uidOf(attack: unknown, member: string): string | undefined {
  const uid = memberOf(memberOf(attack, member), 'uid')
  return typeof uid === 'string' ? uid : undefined
}

const memberOf = (value: unknown, member: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, member)
    ? (value as Readonly<Record<string, unknown>>)[member]
    : undefined

function attackOf(technique: string, sub: string | undefined): OcsfAttack {
  const named = (uid: string) => ({ uid, ...(techniques[uid] !== undefined && { name: techniques[uid] }) })
  return { technique: named(technique), ...(sub !== undefined && { sub_technique: named(technique + sub) }) }
}
