// SPDX-License-Identifier: Apache-2.0
// The policy document (docs/formats/policy.md): one source for types, for validation, and for the published JSON Schema.

import { z } from 'zod'
import * as fields from './fields.ts'
import { values } from './fields.ts'
import { policyLimits } from './limits.ts'

const rulesOf = <T extends z.ZodType>(rule: T) => z.array(rule).max(policyLimits.rulesMax)

/** What every policy has, whatever its type. */
const head = {
  name: fields.policyName,
  description: fields.description.optional(),
  enabled: z.boolean().default(true).describe('A policy that is not enabled is kept, and judges nothing'),
  hosts: values(fields.host).optional().describe('The hosts it is for; without it, all of the tenant'),
}

/** Left out where it is not said, so that the canonical form of those that are there stays. */
const mode = z
  .enum(['observe', 'enforce'])
  .optional()
  .describe('enforce: hosts stop what is denied where they can; without it, they tell what would be')
const otherwise = fields.action.default('allow').describe('What becomes of what no rule matches')

/** Who acts. All that is given must match. */
const who = {
  executables: values(fields.path).optional().describe('The program that runs: the path of its file'),
  users: values(fields.user).optional(),
  units: values(fields.unit).optional(),
}
const rule = { id: fields.ruleId, description: fields.description.optional() }

const networkRule = z.strictObject({
  ...rule,
  action: fields.action,
  direction: z.enum(['outbound', 'inbound']).optional(),
  protocols: values(z.enum(['tcp', 'udp', 'icmp'])).optional(),
  addresses: values(fields.address).optional().describe('The other side of the connection'),
  ports: values(fields.port)
    .optional()
    .describe('The port that is connected to: outbound the remote one, inbound the local one'),
  ...who,
})

const fileRule = z.strictObject({
  ...rule,
  paths: values(fields.path).describe('The files it is about'),
  operations: values(z.enum(['read', 'write', 'create', 'delete', 'rename', 'change_attributes']))
    .optional()
    .describe('Without it, every operation'),
  may: z
    .array(z.strictObject(who))
    .max(policyLimits.subjectsMax)
    .describe('Who may: it is enough to match one. Everybody else is denied; with an empty list, everybody'),
})

const processRule = z.strictObject({
  ...rule,
  action: fields.action,
  executables: values(fields.path)
    .optional()
    .describe('The file that is started; of a script, the script or its interpreter'),
  command_lines: values(fields.commandLine).optional(),
  ancestors: values(fields.path).optional().describe('A program above it, however far'),
  users: values(fields.user).optional(),
  units: values(fields.unit).optional(),
})

const detectionRules = values(fields.detection).optional().describe('The detection rules it is about; without it, all')

const threshold = z.strictObject({
  ...rule,
  kind: z.literal('threshold'),
  detections: detectionRules,
  alert_from: fields.severity.optional().describe('Findings below this severity are recorded and raise no alert'),
  count: z
    .int()
    .min(2)
    .max(100_000)
    .optional()
    .describe('An alert is raised by so many findings within within_seconds'),
  within_seconds: z.int().min(1).max(policyLimits.secondsMax).optional(),
  per: z.enum(['host', 'user', 'executable', 'tenant']).default('host').describe('What findings are counted for'),
  scores: z
    .strictObject({
      record: fields.score,
      alert: fields.score,
      block: fields.score,
    })
    .partial()
    .optional()
    .describe('From which score on, of 100, a finding is recorded, alerted of, and what it is about blocked'),
})

const exception = z.strictObject({
  ...rule,
  kind: z.literal('exception'),
  detections: detectionRules,
  executables: values(fields.path).optional().describe('The program that acted'),
  command_lines: values(fields.commandLine).optional().describe('Of the program that acted'),
  users: values(fields.user).optional(),
  paths: values(fields.path).optional().describe('The file that was acted on'),
  hosts: values(fields.host).optional(),
  reason: fields.reason,
  until: fields.instant.optional().describe('When the exception ends'),
})

const responseRule = z.strictObject({
  ...rule,
  action: z.enum([
    'kill_process',
    'block_ip',
    'quarantine_file',
    'disable_user',
    'isolate_container',
    'roll_back_deployment',
    'rotate_master_key',
    'evict_tenant_keys',
    'collect_forensics',
    'notify',
    'webhook',
  ]),
  mode: z.enum(['off', 'dry_run', 'on']).describe('dry_run records what would be done'),
  detections: detectionRules,
  severity_from: fields.severity.default('high').describe('The least severity of a finding that it answers'),
  cooldown_seconds: fields.seconds
    .default(300)
    .describe('After it was done to a target, it is not done again for so long'),
})

/** Classes of entries that are kept for the same time; `other` is all that has no name here. */
export const retentionClasses = [
  'process',
  'file',
  'memory',
  'network',
  'log',
  'lifecycle',
  'finding',
  'administration',
  'other',
] as const
export type RetentionClass = (typeof retentionClasses)[number]

const retentionRule = z.strictObject({
  ...rule,
  classes: values(z.enum(retentionClasses)),
  days: z.int().min(1).max(policyLimits.daysMax),
})

const lists = <T extends z.ZodRawShape>(shape: T) =>
  z.strictObject(shape).optional().describe('Values under a name, for rules to refer to as @name')
const paths = fields.namedLists(fields.path)
const whoLists = { executables: paths, users: fields.namedLists(fields.user), units: fields.namedLists(fields.unit) }

export const networkPolicy = z.strictObject({
  type: z.literal('network'),
  ...head,
  mode,
  default: otherwise,
  lists: lists({ ...whoLists, addresses: fields.namedLists(fields.address), ports: fields.namedLists(fields.port) }),
  rules: rulesOf(networkRule),
})
export const filePolicy = z.strictObject({
  type: z.literal('file'),
  ...head,
  mode,
  lists: lists({ ...whoLists, paths }),
  rules: rulesOf(fileRule),
})
export const processPolicy = z.strictObject({
  type: z.literal('process'),
  ...head,
  mode,
  default: otherwise,
  lists: lists({ ...whoLists, command_lines: fields.namedLists(fields.commandLine) }),
  rules: rulesOf(processRule),
})
export const detectionPolicy = z.strictObject({
  type: z.literal('detection'),
  ...head,
  rules: rulesOf(z.discriminatedUnion('kind', [threshold, exception])),
})
export const responsePolicy = z.strictObject({ type: z.literal('response'), ...head, rules: rulesOf(responseRule) })
export const retentionPolicy = z.strictObject({ type: z.literal('retention'), ...head, rules: rulesOf(retentionRule) })

export const policyDocument = z.discriminatedUnion('type', [
  networkPolicy,
  filePolicy,
  processPolicy,
  detectionPolicy,
  responsePolicy,
  retentionPolicy,
])

/** A policy as its author writes it, with what was left out filled in. */
export type PolicyDocument = z.infer<typeof policyDocument>
export type PolicyType = PolicyDocument['type']
export type PolicyOf<T extends PolicyType> = Extract<PolicyDocument, { type: T }>
export type PolicyRule = PolicyDocument['rules'][number]
/** The same before that. */
export type PolicyDraft = z.input<typeof policyDocument>

export const policyTypes = policyDocument.options.map(({ shape }) => shape.type.value) as readonly PolicyType[]
