// SPDX-License-Identifier: Apache-2.0

import { across } from '../store/index.ts'
import type { ApiPorts } from './ports.ts'

const hostsMax = 1000
const channelsMax = 100
const wrongRulesMax = 20
const logActivityClass = 1008

/** The server's part of `sealwatch status --json` (docs/reference/status.md). */
export async function statusOf(ports: ApiPorts): Promise<object> {
  const { db, indexDb, ledgers, clock } = ports
  const { deployment, health, api, agents, hardening, ledgerKeys, caFingerprint, ca, connected, ...told } =
    ports.facts()
  const { ingest, quarantine, strictOff, wrongRules, trustStore, integrity, signing } = told
  const [hosts, chains, failing, gaps] = await Promise.all([
    across(db, 'status').selectFrom('hosts').selectAll().orderBy('hostname').limit(hostsMax).execute(),
    across(db, 'status').selectFrom('chains').selectAll().limit(hostsMax).execute(),
    across(db, 'status')
      .selectFrom('notification_channels')
      .select(['tenant', 'channel', 'name', 'failing_since as since', 'problem'])
      .where('failing_since', 'is not', null)
      .orderBy('failing_since')
      .limit(channelsMax)
      .execute(),
    across(indexDb, 'status')
      .selectFrom('span_classes')
      .select((rows) => rows.fn.coalesce(rows.fn.sum<number>('entries'), rows.lit(0)).as('count'))
      .where('class_uid', '=', logActivityClass)
      .executeTakeFirstOrThrow(),
  ])
  return {
    time: new Date(clock.nowMs()).toISOString(),
    deployment,
    health,
    api,
    agents,
    hardening,
    trust: { deployment, ledgerKeys, caFingerprint },
    ca,
    ledgers: await Promise.all(ledgers.tenants.map((tenant) => ledgerStatus(ledgers, tenant))),
    hosts: hosts.map((host) => ({
      hostId: host.host_id,
      tenant: host.tenant,
      hostname: host.hostname,
      connected: connected.has(host.host_id),
      presence: ports.presenceOf(host.host_id) ?? null,
      configDrifts: ports.drifting().has(host.host_id),
      lastSeen: host.last_seen_at,
      certificateExpires: host.cert_expires_at,
    })),
    chains: chains.map(({ chain, tenant, host_id }) => ({
      chain,
      tenant,
      hostId: host_id,
      nextSeq: ledgers.get(tenant).position(chain).nextSeq,
    })),
    ingest,
    quarantine,
    strictOff,
    wrongRules: { count: wrongRules.length, first: wrongRules.slice(0, wrongRulesMax) },
    trustStore,
    notifications: { failing },
    judgingAhead: ports.judgingAhead() ?? null,
    integrity,
    signing: { ...signing, witnesses: signing.witnesses.map(witnessStatus) },
    gaps: gaps.count,
    breakGlass: await ports.breakGlass(),
  }
}

const witnessStatus = (witness: ReturnType<ApiPorts['facts']>['signing']['witnesses'][number]) => ({
  name: witness.name,
  url: witness.url,
  size: witness.size ?? null,
  cosignedAt: witness.cosignedAtMs === undefined ? null : new Date(witness.cosignedAtMs).toISOString(),
  failing: witness.failing ?? null,
})

/** What is said of a ledger is signed: its newest checkpoint. */
async function ledgerStatus(ledgers: ApiPorts['ledgers'], tenant: string) {
  const { size, signed } = ledgers.get(tenant)
  return {
    tenant,
    size,
    signedSize: signed?.size ?? 0,
    root: signed?.root.toHex() ?? '',
    checkpoint: signed?.note ?? null,
  }
}
