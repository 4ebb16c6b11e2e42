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
  T1014: 'Rootkit',
  T1016: 'System Network Configuration Discovery',
  T1021: 'Remote Services',
  'T1021.002': 'SMB/Windows Admin Shares',
  'T1021.004': 'SSH',
  'T1021.006': 'Windows Remote Management',
  T1027: 'Obfuscated Files or Information',
  'T1027.011': 'Fileless Storage',
  T1033: 'System Owner/User Discovery',
  T1036: 'Masquerading',
  'T1036.004': 'Masquerade Task or Service',
  'T1036.005': 'Match Legitimate Resource Name or Location',
  'T1036.006': 'Space after Filename',
  T1037: 'Boot or Logon Initialization Scripts',
  'T1037.004': 'RC Scripts',
  T1040: 'Network Sniffing',
  T1046: 'Network Service Discovery',
  T1048: 'Exfiltration Over Alternative Protocol',
  'T1048.003': 'Exfiltration Over Unencrypted Non-C2 Protocol',
  T1053: 'Scheduled Task/Job',
  'T1053.003': 'Cron',
  T1055: 'Process Injection',
  'T1055.008': 'Ptrace System Calls',
  'T1055.009': 'Proc Memory',
  T1056: 'Input Capture',
  'T1056.004': 'Credential API Hooking',
  T1057: 'Process Discovery',
  T1059: 'Command and Scripting Interpreter',
  'T1059.004': 'Unix Shell',
  T1068: 'Exploitation for Privilege Escalation',
  T1069: 'Permission Groups Discovery',
  'T1069.001': 'Local Groups',
  T1070: 'Indicator Removal',
  'T1070.002': 'Clear Linux or Mac System Logs',
  'T1070.004': 'File Deletion',
  'T1070.006': 'Timestomp',
  T1071: 'Application Layer Protocol',
  T1082: 'System Information Discovery',
  T1090: 'Proxy',
  'T1090.001': 'Internal Proxy',
  'T1090.003': 'Multi-hop Proxy',
  T1098: 'Account Manipulation',
  'T1098.004': 'SSH Authorized Keys',
  'T1098.007': 'Additional Local or Domain Groups',
  T1134: 'Access Token Manipulation',
  T1136: 'Create Account',
  'T1136.001': 'Local Account',
  T1190: 'Exploit Public-Facing Application',
  T1195: 'Supply Chain Compromise',
  'T1195.002': 'Compromise Software Supply Chain',
  T1204: 'User Execution',
  T1205: 'Traffic Signaling',
  'T1205.002': 'Socket Filters',
  T1210: 'Exploitation of Remote Services',
  T1218: 'System Binary Proxy Execution',
  T1485: 'Data Destruction',
  T1486: 'Data Encrypted for Impact',
  T1489: 'Service Stop',
  T1490: 'Inhibit System Recovery',
  T1496: 'Resource Hijacking',
  'T1496.001': 'Compute Hijacking',
  T1499: 'Endpoint Denial of Service',
  'T1499.001': 'OS Exhaustion Flood',
  T1505: 'Server Software Component',
  'T1505.003': 'Web Shell',
  T1528: 'Steal Application Access Token',
  T1542: 'Pre-OS Boot',
  T1543: 'Create or Modify System Process',
  'T1543.002': 'Systemd Service',
  T1546: 'Event Triggered Execution',
  'T1546.004': 'Unix Shell Configuration Modification',
  'T1546.016': 'Installer Packages',
  T1547: 'Boot or Logon Autostart Execution',
  'T1547.006': 'Kernel Modules and Extensions',
  T1548: 'Abuse Elevation Control Mechanism',
  'T1548.001': 'Setuid and Setgid',
  'T1548.003': 'Sudo and Sudo Caching',
  T1552: 'Unsecured Credentials',
  'T1552.001': 'Credentials In Files',
  'T1552.004': 'Private Keys',
  'T1552.005': 'Cloud Instance Metadata API',
  'T1552.007': 'Container API',
  T1554: 'Compromise Host Software Binary',
  T1556: 'Modify Authentication Process',
  'T1556.003': 'Pluggable Authentication Modules',
  T1557: 'Adversary-in-the-Middle',
  T1561: 'Disk Wipe',
  'T1561.001': 'Disk Content Wipe',
  T1562: 'Impair Defenses',
  'T1562.001': 'Disable or Modify Tools',
  'T1562.004': 'Disable or Modify System Firewall',
  'T1562.006': 'Indicator Blocking',
  T1563: 'Remote Service Session Hijacking',
  'T1563.001': 'SSH Hijacking',
  T1564: 'Hide Artifacts',
  'T1564.001': 'Hidden Files and Directories',
  'T1564.013': 'Bind Mounts',
  T1571: 'Non-Standard Port',
  T1574: 'Hijack Execution Flow',
  'T1574.006': 'Dynamic Linker Hijacking',
  'T1574.007': 'Path Interception by PATH Environment Variable',
  'T1574.010': 'Services File Permissions Weakness',
  T1609: 'Container Administration Command',
  T1610: 'Deploy Container',
  T1611: 'Escape to Host',
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
