// SPDX-License-Identifier: Apache-2.0

import { limits, policyMeans } from '@sealwatch/contract'
import { guardModes, stepModes } from '@sealwatch/contract/guard-config'
import { orderSteps } from '@sealwatch/keys'
import { z } from 'zod'
import { type Authorised, actBy } from '../../../access/index.ts'
import type { HostConfigState, StandingOrderState } from '../../../fleet/index.ts'
import { isEnding, type Renamed } from '../../../identity/index.ts'
import { hostRecords } from '../../data/host-records.ts'
import { type HostRow, hostState, hostsOf } from '../../data/hosts.ts'
import { type IntervalsByHost, unknownIntervals } from '../../data/unknown-intervals.ts'
import type { ApiPorts } from '../../ports.ts'
import { httpError } from '../problems.ts'
import { type Route, route } from '../route.ts'
import { anyTime, pageOf, pageQuery, recorded, recordedJson, time } from '../shapes.ts'

const count = z.string().nullable().describe('Decimal: it may pass 2^53')
const hostId = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .describe('A host')

const host = z.object({
  host_id: z.string(),
  hostname: z.string(),
  renamed: z
    .object({ from: z.string(), at: time })
    .nullable()
    .describe('What it called itself before, until then; null: it always had this name'),
  os: z.string().nullable(),
  kernel: z.string().nullable(),
  agent_version: z.string().nullable(),
  connected: z.boolean().describe('It has a stream open'),
  presence: z
    .object({
      life: z
        .enum(['expected', 'alive', 'silent', 'stopped'])
        .describe('expected: it has not come back since the server started; stopped: it said so in its chain'),
      since: time,
      heard_at: time.nullable().describe('Of its newest sign of life; null: none since the server started'),
      waiting: z.number().int().nullable().describe('Events that wait to be sealed there; null: it does not say'),
      incidents: z
        .array(
          z.enum([
            'silent',
            'stopped',
            'sensor_gone',
            'sites_closed',
            'withholds',
            'cannot_seal',
            'clock_off',
            'certificate_ending',
            'policy_not_enforced',
          ]),
        )
        .describe('Open now: docs/runbooks/host-blind.md'),
    })
    .nullable()
    .describe('As its heartbeats say; null: it never came, or was revoked'),
  groups: z.array(z.string()).describe('In the order in which they count'),
  config: z
    .object({
      desired: z
        .object({ version: z.number().int(), digest: z.string(), issued_at: time })
        .nullable()
        .describe('What it is to have in force (docs/formats/host-config.md); null: it was never told anything'),
      reported: z
        .object({
          version: z.number().int().describe('0: nothing that it was told'),
          digest: z.string(),
          on_trial: z.boolean().describe('It takes it back, unless it hears of the server'),
          refused_version: z.number().int().describe('The newest that it did not take, or took back; 0: none'),
          refused_why: z.string(),
          policies: z
            .array(
              z.object({
                policy: z.string(),
                version: z.number().int(),
                means: z
                  .enum(policyMeans)
                  .describe(
                    'kernel: what it denies is refused; told: it is told alone; none: nothing comes of it there',
                  ),
                hindrance: z
                  .string()
                  .describe('Why it is not followed as it asks (docs/formats/policy.md, 8.5); empty: it is'),
              }),
            )
            .nullable()
            .describe('How it follows its policies; null: it does not say'),
          at: time,
        })
        .nullable()
        .describe('What it said last; null: nothing yet'),
      drifts: z.boolean().describe('It has something else than it is to have'),
    })
    .describe('What the server tells it, and what it has'),
  hands: z
    .object({
      version: z.number().int(),
      steps: z.array(z.enum(orderSteps)).describe('What they may do; none: it is withdrawn'),
      issued_at: time,
      expires_at: time.describe('Until then they may, also while the server is out of reach'),
      guard_key_id: z.string().describe('Hex SHA-256 of the key by which its guard commands them'),
      held: z
        .object({
          version: z.number().int().describe('Of the order that they hold; 0: none'),
          refused_why: z.string().describe('Why they did not take the newest; empty: they did'),
          at: time,
        })
        .describe('What they said last'),
    })
    .nullable()
    .describe('The standing order of its hands (docs/formats/orders.md); null: there never was one'),
  enrolled_at: time,
  registered_at: time.nullable().describe('When it came last'),
  last_line_at: time.nullable().describe('Of the newest line of its chain'),
  lines: z.number().int().describe('Of its chain, in the ledger'),
  revoked_at: time.nullable(),
  certificate: z.object({
    serial: z.string(),
    expires_at: time,
    ending: z.boolean().describe('It should have been renewed by now: docs/runbooks/certificate.md'),
  }),
  unknown: z
    .object({
      since: time.describe('From when on all of it is told: seven days, or less where there is much'),
      intervals: z.number().int(),
      length_ms: z.number().int().describe('Of all together'),
      newest: z
        .object({
          from: time,
          to: time,
          cause: z.string().describe('docs/formats/event.md, 7.2'),
          leaf_index: z.number().int().describe('Of the line that says so'),
        })
        .nullable(),
    })
    .describe('When nobody knows for certain what happened there, as the host sealed it once it was back'),
  posture: z
    .object({
      since: time,
      settings: z.array(
        z.object({
          name: z.string().describe('A sysctl by its name below /proc/sys, lockdown, or lsm'),
          value: z.string().nullable().describe('null: its kernel has none, or does not show it'),
        }),
      ),
    })
    .nullable()
    .describe('How its kernel protects itself (docs/formats/event.md, 7.5); null: nobody has said'),
  guard: z
    .object({
      since: time,
      mode: z.enum(guardModes).describe('on; observe: it tells and does nothing; off'),
      by: z.string().describe('Who says so: server, file, environment, default'),
      tier: z.string().describe('What sees for it: ebpf, polling, none'),
      responses: z.object({
        kill: z.enum(stepModes).nullable(),
        evict: z.enum(stepModes).nullable(),
        rotate: z.enum(stepModes).nullable(),
      }),
    })
    .nullable()
    .describe('What its guard does, as it said last (docs/formats/event.md, 7.6); null: nobody has said'),
  sensor: z.object({
    mode: z
      .enum(['full', 'partial', 'none', 'lost', 'stopped', 'unknown'])
      .describe('All sites attached, some, or none; its connection ended; it stopped with the agent'),
    since: time.nullable(),
    kernel: z.string().nullable(),
    modes: z
      .object({ process: z.string(), file: z.string(), network: z.string() })
      .nullable()
      .describe('What watches each domain (docs/fallbacks.md); null: nobody has said'),
    unseen: z.array(z.string()).describe('What these do not see, in words'),
    sites: z.array(
      z.object({
        name: z.string(),
        attached: z.boolean().nullable(),
        reason: z
          .string()
          .nullable()
          .describe('Why it is not attached; of one that is, by which tier where there are two'),
        stands_by: z.boolean().describe('Not attached, for nothing in these modes needs it'),
        produced: count,
        dropped: count.describe('In the kernel, for lack of space'),
        sent: count,
        sealed: count,
        shed: count.describe('Informational, and left out before sealing for want of room; null where nobody has said'),
      }),
    ),
  }),
})

const record = z.object({
  time,
  code: z.string().describe('docs/formats/event.md, 7'),
  severity: z.string(),
  message: z.string(),
  ledger: z.object({ tenant: z.string(), leaf_index: z.number().int() }).describe('The line that says so'),
})

const presenceJson = (of: ReturnType<ApiPorts['presenceOf']>) =>
  of === undefined
    ? null
    : {
        life: of.life,
        since: of.since,
        heard_at: of.heardAt ?? null,
        waiting: of.waiting ?? null,
        incidents: [...of.incidents],
      }
const configJson = ({ desired, reported, drifts }: Omit<HostConfigState, 'groups'>) => ({
  desired: desired && { version: desired.version, digest: desired.digest, issued_at: desired.issuedAt },
  reported: reported && {
    version: reported.version,
    digest: reported.digest,
    on_trial: reported.onTrial,
    refused_version: reported.refusedVersion,
    refused_why: reported.refusedWhy,
    policies: reported.policies?.map((standing) => ({ ...standing })) ?? null,
    at: reported.at,
  },
  drifts,
})
const handsJson = (order: StandingOrderState | undefined) =>
  order === undefined
    ? null
    : {
        version: order.version,
        steps: [...order.steps],
        issued_at: order.issuedAt,
        expires_at: order.expiresAt,
        guard_key_id: order.guardKeyId,
        held: { version: order.held.version, refused_why: order.held.refusedWhy, at: order.held.at },
      }
const timeOf = (ms: number) => new Date(ms).toISOString()

export function hostRoutes(ports: ApiPorts): Route[] {
  async function hostJson(by: Authorised<'host:list'>, row: HostRow, told: IntervalsByHost) {
    const { intervals, lengthMs, newest } = told.of(row.host_id)
    const { lastAt = null, sensor, posture, guard, nextSeq } = await hostState(ports, by, row)
    const { groups, ...config } = await ports.configOf(by.tenant, row.host_id)
    const facts = JSON.parse(row.facts) as { readonly os?: string; readonly kernel?: string }
    return {
      host_id: row.host_id,
      hostname: row.hostname,
      renamed: row.renamed === null ? null : (JSON.parse(row.renamed) as Renamed),
      os: facts.os ?? null,
      kernel: facts.kernel ?? null,
      agent_version: row.agent_version,
      connected: ports.facts().connected.has(row.host_id),
      presence: presenceJson(ports.presenceOf(row.host_id)),
      groups: [...groups],
      config: configJson(config),
      hands: handsJson(await ports.orderOf(by.tenant, row.host_id)),
      enrolled_at: row.enrolled_at,
      registered_at: row.last_seen_at,
      last_line_at: lastAt,
      lines: nextSeq,
      revoked_at: row.revoked_at ?? ports.deniedSince(row.host_id) ?? null,
      certificate: {
        serial: row.cert_serial,
        expires_at: row.cert_expires_at,
        ending: isEnding({ beginsAt: row.cert_begins_at, expiresAt: row.cert_expires_at }, ports.clock.nowMs()),
      },
      unknown: {
        since: timeOf(told.sinceMs),
        intervals,
        length_ms: lengthMs,
        newest:
          newest === undefined
            ? null
            : {
                from: timeOf(newest.fromMs),
                to: timeOf(newest.toMs),
                cause: newest.cause,
                leaf_index: newest.leaf,
              },
      },
      posture: posture && { ...posture, settings: [...posture.settings] },
      guard: guard && { ...guard, responses: { ...guard.responses } },
      sensor: { ...sensor, sites: sensor.sites.map(({ standsBy, ...site }) => ({ ...site, stands_by: standsBy })) },
    }
  }

  async function knownHost(by: Authorised<'host:list'>, hostId: string, attempted: string): Promise<HostRow> {
    const [row] = await hostsOf(ports, by, { after: '', limit: 1, hostId })
    if (row !== undefined) return row
    throw httpError('OBJECT_UNKNOWN', {
      attempted,
      received: hostId,
      advice: 'List what there is: sealwatch host list',
    })
  }

  return [
    route({
      method: 'GET',
      path: '/api/v1/hosts',
      id: 'listHosts',
      summary: 'The hosts of the tenant, and what their sensors see',
      tag: 'hosts',
      action: 'host:list',
      query: z.strictObject({
        ...pageQuery,
        limit: z.coerce.number().int().min(1).max(100).default(50),
        cursor: hostId.optional(),
      }),
      answer: pageOf(host),
      handle: async (by, { query: { limit, cursor = '' } }) => {
        const rows = await hostsOf(ports, by, { after: cursor, limit: limit + 1 })
        const items: Awaited<ReturnType<typeof hostJson>>[] = []
        const told = await unknownIntervals(ports, by)
        for (const row of rows.slice(0, limit)) items.push(await hostJson(by, row, told))
        return { items, next: rows.length > limit ? (items.at(-1)?.host_id ?? null) : null }
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/hosts/{host_id}',
      id: 'getHost',
      summary: 'A host, and what its sensor sees',
      tag: 'hosts',
      action: 'host:list',
      params: z.object({ host_id: hostId }),
      answer: host,
      errors: ['OBJECT_UNKNOWN'],
      handle: async (by, { params }) => {
        const row = await knownHost(by, params.host_id, 'reading a host')
        return hostJson(by, row, await unknownIntervals(ports, by))
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/hosts/{host_id}/records',
      id: 'listHostRecords',
      summary: 'What a host told of itself last: starts and ends of its agent and sensor, gaps, and what was lost',
      tag: 'hosts',
      action: 'host:list',
      params: z.object({ host_id: hostId }),
      answer: z.object({ items: z.array(record).describe('Newest first') }),
      errors: ['OBJECT_UNKNOWN'],
      handle: async (by, { params }) => ({
        items: await hostRecords(ports, by, await knownHost(by, params.host_id, 'reading the records of a host')),
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/hosts/invitations',
      id: 'inviteHost',
      summary: 'A join token for one host; it is shown this once',
      tag: 'hosts',
      action: 'host:invite',
      body: z.strictObject({ ttl_seconds: z.number().int().min(1).max(limits.tokenTtlSecondsMax).default(3600) }),
      answer: z.object({ token: z.string(), expires_at: time, ledger: recorded }),
      status: 201,
      showsSecret: true,
      errors: ['TOKENS_TOO_MANY', 'AUDIT_NOT_RECORDED'],
      handle: async (by, { body }) => {
        const made = await ports.createJoinToken(actBy(by), by.tenant, body.ttl_seconds)
        return { token: made.token, expires_at: made.expiresAt, ledger: recordedJson(made.recorded) }
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/hosts/{host_id}/revoke',
      id: 'revokeHost',
      summary: 'Revoke a host and its keys for good; it counts at once',
      tag: 'hosts',
      action: 'host:revoke',
      params: z.object({ host_id: hostId }),
      body: z.strictObject({
        cause: z.string().min(1).max(400).describe('For the ledger; name nobody'),
        compromised_since: anyTime
          .optional()
          .describe('From then on somebody else may have signed under its keys: what came since counts no more either'),
      }),
      answer: z.object({ ledger: recorded }),
      errors: ['HOST_UNKNOWN', 'HOST_SINCE'],
      handle: async (by, { params, body: { cause, compromised_since } }) => ({
        ledger: recordedJson(await ports.revokeHost(actBy(by), by.tenant, params.host_id, cause, compromised_since)),
      }),
    }),
  ]
}
