// SPDX-License-Identifier: Apache-2.0

import type { EventBase, SealwatchEvent } from './events.ts'
import type { Finding } from './finding.ts'
import type { OcsfActor, OcsfFile, OcsfProcess, OcsfProcessEntity, OcsfUser } from './objects.ts'

/**
 * What may be seen of a value (docs/formats/event.md, 6). `plain`: it stands in the line as it is. `personal`: it is
 * about a person; the line has a commitment, and the value is sealed beside it. `secret`: it may carry a secret; only
 * what the scrubber leaves of it stands in the line, and nothing in logs and metrics.
 */
export type FieldClass = 'plain' | 'personal' | 'secret'

/** A class covers all that a member holds; `of` names the row of the object, or of each object of the list. */
export type FieldRow = FieldClass | { readonly of: ObjectName }
export type ObjectName = 'event' | 'actor' | 'user' | 'process' | 'ancestor' | 'file' | 'evidence' | 'unmapped'

type MemberOf<T> = T extends unknown ? Extract<keyof T, string> : never
/** A member of these types that has no class does not compile. */
type Rows<T, More extends string = never> = { readonly [M in MemberOf<T> | More]: FieldRow }

/** OCSF's members that none of our sources gives yet. */
type MoreOfUser = 'full_name' | 'display_name' | 'email_addr'
type MoreOfProcess = 'environment_variables' | 'working_directory'
type MoreOfEvent =
  | 'auth_protocol'
  | 'auth_protocol_id'
  | 'entity'
  | 'http_request'
  | 'is_remote'
  | 'service'
  | 'session'
  | 'url'
  | 'user'
/** Of the server's own records: hosts and join tokens, chains and witnesses, keys and erasures. */
type MoreOfUnmapped =
  | 'chain'
  | 'certificate_serial'
  | 'cut_off_since'
  | 'epoch'
  | 'erased_origin'
  | 'erased_subject'
  | 'erased_tenant'
  | 'break_glass'
  | 'expires_at'
  | 'failed_times'
  | 'active_tenant'
  | 'login_link'
  | 'login_method'
  | 'host_config'
  | 'host_group'
  | 'host_group_version'
  | 'host_group_digest'
  | 'host_groups'
  | 'allowance'
  | 'standing_order'
  | 'standing_order_version'
  | 'order_steps'
  | 'guard_key_id'
  | 'change_cause'
  | 'host_id'
  | 'host_position'
  | 'join_token'
  | 'key_id'
  | 'key_kind'
  | 'keys'
  | 'incident_id'
  | 'notification'
  | 'incident_way'
  | 'incident_source'
  | 'ordered_at'
  | 'ledger_position'
  | 'lines_per_second'
  | 'machine_id'
  | 'request_id'
  | 'denied_action'
  | 'denied_code'
  | 'denied_times'
  | 'role'
  | 'role_actions'
  | 'grantee'
  | 'token_actions'
  | 'policy'
  | 'policy_version'
  | 'policy_digest'
  | 'policy_statement'
  | 'rule_exception'
  | 'rule_exception_of'
  | 'rule_exception_digest'
  | 'request_feedback'
  | 'request_feedback_of'
  | 'request_settings'
  | 'request_settings_version'
  | 'request_verdicts'
  | 'rules_digest'
  | 'rules_came'
  | 'rules_went'
  | 'rules_changed'
  | 'rules_wrong'
  | 'drill'
  | 'acknowledgement_sha256'
  | 'manifest'
  | 'manifest_action'
  | 'manifest_digest'
  | 'quarantine_item'
  | 'quarantine_cause'
  | 'quarantine_request'
  | 'stub_leaf'
  | 'signatures_counted'
  | 'signatures_needed'
  | 'trust_root'
  | 'trust_root_version'
  | 'exported'
  | 'revealed'
  | 'same_machine'
  | 'same_name'
  | 'key_report'
  | 'signing_key_id'
  | 'signoff'
  | 'producer'
  | 'producer_kind'
  | 'successor'
  | 'tenant_title'

const user = {
  uid: 'plain',
  name: 'personal',
  full_name: 'personal',
  display_name: 'personal',
  email_addr: 'personal',
} as const satisfies Rows<OcsfUser, MoreOfUser>

const ancestor = {
  pid: 'plain',
  uid: 'plain',
  name: 'plain',
  path: 'plain',
  created_time: 'plain',
} as const satisfies Rows<OcsfProcessEntity>

const process = {
  pid: 'plain',
  uid: 'plain',
  name: 'plain',
  created_time: 'plain',
  file: { of: 'file' },
  cmd_line: 'secret',
  environment_variables: 'secret',
  working_directory: 'plain',
  user: { of: 'user' },
  parent_process: { of: 'process' },
  ancestry: { of: 'ancestor' },
  ptid: 'plain',
  euid: 'plain',
  auid: 'plain',
  group: 'plain',
  session: 'plain',
  container: 'plain',
  xattributes: 'plain',
} as const satisfies Rows<OcsfProcess, MoreOfProcess>

const file = {
  name: 'plain',
  path: 'plain',
  type_id: 'plain',
  type: 'plain',
  uid: 'plain',
  owner: { of: 'user' },
  is_deleted: 'plain',
  size: 'plain',
  hashes: 'plain',
  product: 'plain',
  xattributes: 'plain',
} as const satisfies Rows<OcsfFile>

const actor = {
  process: { of: 'process' },
  user: { of: 'user' },
  app_name: 'plain',
} as const satisfies Rows<OcsfActor>

const evidence = {
  process: { of: 'process' },
  file: { of: 'file' },
  // Values as the line has them: of a personal one the commitment, of a command line what was left.
  data: 'plain',
} as const satisfies Rows<Finding['evidences'][number]>

const unmapped = {
  capabilities_mask: 'plain',
  site: 'plain',
  guarded_by: 'plain',
  redacted: 'plain',
  filename: 'plain',
  secure: 'plain',
  // Names, never values.
  variables: 'plain',
  signal: 'plain',
  signal_name: 'plain',
  sent_by: 'plain',
  renamed_from: 'plain',
  credentials: 'plain',
  capabilities_before: 'plain',
  capabilities: 'plain',
  capabilities_gained: 'plain',
  taints: 'plain',
  bpf: 'plain',
  perf: 'plain',
  // Values that are keys of the kernel are left out by the decoder.
  sysctl: 'plain',
  namespaces: 'plain',
  refused: 'plain',
  ring: 'plain',
  passed: 'plain',
  mount: 'plain',
  initiated: 'plain',
  socket_family: 'plain',
  socket_type: 'plain',
  socket_protocol: 'plain',
  network_namespace: 'plain',
  network_descriptors: 'plain',
  request: 'plain',
  taken: 'plain',
  executable: 'plain',
  mapped: 'plain',
  syscall: 'plain',
  access: 'plain',
  watched: 'plain',
  change: 'plain',
  replaced: 'plain',
  policy_rule: 'plain',
  policy_mode: 'plain',
  also_denied_by: 'plain',
  set_back: 'plain',
  as_shipped: 'plain',
  diff: 'personal',
  method: 'plain',
  relation: 'plain',
  ptrace_request: 'plain',
  prevented: 'plain',
  pid: 'plain',
  cause: 'plain',
  part: 'plain',
  posture: 'plain',
  posture_change: 'plain',
  baseline: 'plain',
  cut_off_since: 'plain',
  sensor: 'plain',
  gap: 'plain',
  drop: 'plain',
  shed: 'plain',
  // Details are of the kernel's: paths, settings, names of calls; arguments have their secrets taken out.
  guard_incident: 'plain',
  guard_response: 'plain',
  guard_protection: 'plain',
  guard_state: 'plain',
  guard_allowed: 'plain',
  guard_refused: 'plain',
  leaves: 'plain',
  falsepositives: 'plain',
  unverified: 'plain',
  chain: 'plain',
  certificate_serial: 'plain',
  epoch: 'plain',
  erased_origin: 'plain',
  // A pseudonym.
  erased_subject: 'plain',
  erased_tenant: 'plain',
  expires_at: 'plain',
  active_tenant: 'plain',
  break_glass: 'plain',
  failed_times: 'plain',
  // How its hash begins, never the link.
  login_link: 'plain',
  login_method: 'plain',
  host_config: 'plain',
  host_group: 'plain',
  host_group_version: 'plain',
  host_group_digest: 'plain',
  host_groups: 'plain',
  // Its id, whom, what and until when; of a name of an account, nothing.
  allowance: 'plain',
  standing_order: 'plain',
  standing_order_version: 'plain',
  order_steps: 'plain',
  guard_key_id: 'plain',
  change_cause: 'plain',
  host_id: 'plain',
  host_position: 'plain',
  // How its hash begins, never the token.
  join_token: 'plain',
  key_id: 'plain',
  key_kind: 'plain',
  keys: 'plain',
  incident_id: 'plain',
  incident_way: 'plain',
  incident_source: 'plain',
  ordered_at: 'plain',
  ledger_position: 'plain',
  lines_per_second: 'plain',
  machine_id: 'plain',
  same_machine: 'plain',
  same_name: 'plain',
  signing_key_id: 'plain',
  key_report: 'plain',
  signoff: 'plain',
  producer: 'plain',
  producer_kind: 'plain',
  successor: 'plain',
  tenant_title: 'plain',
  request_id: 'plain',
  denied_action: 'plain',
  denied_code: 'plain',
  denied_times: 'plain',
  role: 'plain',
  role_actions: 'plain',
  grantee: 'plain',
  token_actions: 'plain',
  policy: 'plain',
  policy_version: 'plain',
  policy_digest: 'plain',
  policy_statement: 'plain',
  rule_exception: 'plain',
  rule_exception_of: 'plain',
  // Of what it names, a person maybe, the digest alone.
  rule_exception_digest: 'plain',
  request_feedback: 'plain',
  request_feedback_of: 'plain',
  request_settings: 'plain',
  request_settings_version: 'plain',
  // How many, and of nobody.
  request_verdicts: 'plain',
  rules_digest: 'plain',
  rules_came: 'plain',
  rules_went: 'plain',
  rules_changed: 'plain',
  // Where each is wrong, and how: the words of a rule.
  rules_wrong: 'plain',
  drill: 'plain',
  notification: 'plain',
  manifest: 'plain',
  manifest_action: 'plain',
  acknowledgement_sha256: 'plain',
  manifest_digest: 'plain',
  quarantine_item: 'plain',
  quarantine_cause: 'plain',
  quarantine_request: 'plain',
  stub_leaf: 'plain',
  signatures_counted: 'plain',
  signatures_needed: 'plain',
  trust_root: 'plain',
  trust_root_version: 'plain',
  exported: 'plain',
  revealed: 'plain',
} as const satisfies Rows<SealwatchEvent['unmapped'], MoreOfUnmapped>

const event = {
  activity_id: 'plain',
  activity_name: 'plain',
  category_uid: 'plain',
  category_name: 'plain',
  class_uid: 'plain',
  class_name: 'plain',
  type_uid: 'plain',
  type_name: 'plain',
  severity_id: 'plain',
  severity: 'plain',
  time: 'plain',
  message: 'plain',
  metadata: 'plain',
  device: 'plain',
  actor: { of: 'actor' },
  process: { of: 'process' },
  file: { of: 'file' },
  driver: 'plain',
  kernel: 'plain',
  file_result: { of: 'file' },
  app: 'plain',
  entity: 'plain',
  user: { of: 'user' },
  session: 'plain',
  service: 'plain',
  src_endpoint: 'plain',
  dst_endpoint: 'plain',
  connection_info: 'plain',
  count: 'plain',
  start_time: 'plain',
  end_time: 'plain',
  is_remote: 'plain',
  auth_protocol: 'plain',
  auth_protocol_id: 'plain',
  url: 'secret',
  http_request: 'secret',
  status_id: 'plain',
  status: 'plain',
  status_code: 'plain',
  status_detail: 'plain',
  launch_type_id: 'plain',
  launch_type: 'plain',
  exit_code: 'plain',
  access_mask: 'plain',
  requested_permissions: 'plain',
  size: 'plain',
  base_address: 'plain',
  injection_type_id: 'plain',
  injection_type: 'plain',
  policy: 'plain',
  action_id: 'plain',
  action: 'plain',
  disposition_id: 'plain',
  disposition: 'plain',
  log_name: 'plain',
  log_type_id: 'plain',
  log_type: 'plain',
  is_alert: 'plain',
  finding_info: 'plain',
  evidences: { of: 'evidence' },
  unmapped: { of: 'unmapped' },
} as const satisfies Rows<SealwatchEvent, MoreOfEvent>

export const fields: Readonly<Record<ObjectName, Readonly<Record<string, FieldRow>>>> = {
  event,
  actor,
  user,
  process,
  ancestor,
  file,
  evidence,
  unmapped,
}

/** What an event beyond its base, and its `unmapped`, may hold: all that has a class. */
export type EventMembers = { readonly [M in Exclude<keyof typeof event, 'unmapped' | keyof EventBase>]?: unknown }
export type UnmappedMembers = { readonly [M in keyof typeof unmapped]?: unknown }

/** The class of an attribute, e.g. ['actor', 'user', 'name']; list indexes and '*' are passed over. */
export function classOf(path: readonly string[]): FieldClass | undefined {
  let row: FieldRow | undefined = { of: 'event' }
  for (const step of path) {
    if (typeof row === 'string') return row
    if (/^(\d+|\*)$/.test(step)) continue
    row = row && Object.hasOwn(fields[row.of], step) ? fields[row.of][step] : undefined
    if (row === undefined) return undefined
  }
  return typeof row === 'string' ? row : undefined
}

/** JSON pointers, from `base` on, to the values of a class in an event of any form, as deep as the event goes. */
export function pointersOf(wanted: FieldClass, event: object, base: string): string[] {
  const found: string[] = []
  descend(planOf(wanted, 'event'), event, base, found)
  return found
}

/** Members of a class, and members that lead to some: all else is not looked at. */
type Plan = { readonly values: readonly string[]; readonly branches: readonly (readonly [string, Plan])[] }
const plans = new Map<string, Plan>()

function planOf(wanted: FieldClass, name: ObjectName): Plan {
  const key = `${wanted} ${name}`
  const known = plans.get(key)
  if (known) return known
  const rows = Object.entries(fields[name])
  const branches: (readonly [string, Plan])[] = []
  const plan = { values: rows.flatMap(([member, row]) => (row === wanted ? [member] : [])), branches }
  plans.set(key, plan)
  for (const [member, row] of rows)
    if (typeof row === 'object' && leadsTo(wanted, row.of, new Set())) branches.push([member, planOf(wanted, row.of)])
  return plan
}

function leadsTo(wanted: FieldClass, name: ObjectName, seen: Set<ObjectName>): boolean {
  if (seen.has(name)) return false
  seen.add(name)
  return Object.values(fields[name]).some((row) =>
    typeof row === 'object' ? leadsTo(wanted, row.of, seen) : row === wanted,
  )
}

type Holder = Readonly<Record<string, unknown>>

function descend(plan: Plan, value: unknown, pointer: string, found: string[]): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    for (const [index, inner] of value.entries()) descend(plan, inner, `${pointer}/${index}`, found)
    return
  }
  const holder = value as Holder
  for (const name of plan.values) if (typeof holder[name] === 'string') found.push(`${pointer}/${name}`)
  for (const [name, inner] of plan.branches)
    if (holder[name] !== undefined) descend(inner, holder[name], `${pointer}/${name}`, found)
}

/** What a pointer (RFC 6901, of plain names) leads to, if anything. */
export function valueAt(value: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce<unknown>(
      (at, step) =>
        typeof at === 'object' && at !== null && Object.hasOwn(at, step)
          ? (at as Readonly<Record<string, unknown>>)[step]
          : undefined,
      value,
    )
}
