// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import type { SignIn } from './access/index.ts'
import type { Feed } from './api/index.ts'
import type { HostConfigs } from './fleet/index.ts'
import { type Authority, type CertificateState, caStateOf } from './identity/index.ts'
import type { Admission, Integrity, Ledgers, RowBook, Transport } from './ingest/index.ts'
import type { HostWatch } from './presence/index.ts'
import { broadcasterMode } from './replicas.ts'
import type { Outbox } from './store/index.ts'
import { createTenantLabels } from './tenant-labels.ts'

/** A write that takes longer is no write any more: the disk hangs. */
const hangingMs = 5_000

/** What the server as a whole tells of itself on /healthz and /metrics; rooms with parts of their own add theirs. */
export function addHealth(
  health: Health,
  of: {
    readonly ledgers: Ledgers
    readonly rowBook: Pick<RowBook, 'total'>
    readonly admission: Pick<Admission, 'lines'>
    readonly integrity: ReadonlyMap<string, Integrity>
    readonly transport: Transport
    readonly signIn: Pick<SignIn, 'sessions' | 'failed'>
    readonly outbox: Pick<Outbox, 'stuckSinceMs'>
    readonly clock: Clock
  },
): void {
  const { ledgers, rowBook, admission, integrity, transport, signIn, outbox, clock } = of
  const { metrics } = health
  const altered = () =>
    [...integrity.values()].flatMap(({ tenant, problem }) => (problem ? [{ tenant, ...problem }] : []))
  health.show('ledgers', () => ({ level: altered().length > 0 ? 'critical' : 'ok', altered: altered() }))
  health.show('disk', () => {
    const sinceMs = [ledgers.root, ...ledgers.tenants.map((tenant) => ledgers.get(tenant))]
      .map(({ writingSinceMs }) => writingSinceMs ?? Number.POSITIVE_INFINITY)
      .reduce((a, b) => Math.min(a, b))
    const hangs = clock.nowMs() - sinceMs > hangingMs
    return { level: hangs ? 'critical' : 'ok', writingSince: hangs ? new Date(sinceMs).toISOString() : null }
  })
  health.show('audit', () => ({
    level: outbox.stuckSinceMs === undefined ? 'ok' : 'critical',
    parkedSince: outbox.stuckSinceMs === undefined ? null : new Date(outbox.stuckSinceMs).toISOString(),
  }))
  health.show('signing', () => ({
    level: ledgers.health.problem !== null ? 'critical' : ledgers.health.quorum === 'below' ? 'warning' : 'ok',
    ...ledgers.health,
  }))
  metrics.gauge(
    { name: 'sealwatch_root_published_size', help: 'Lines of the root ledger under its published checkpoint' },
    () => ledgers.health.publishedSize,
  )
  const tenants = createTenantLabels()
  const perTenant = (read: (tenant: string) => number) => () =>
    tenants.sum(
      ledgers.tenants.map((tenant) => [tenant, tenant] as const),
      read,
    )
  const labels = ['tenant']
  metrics.gauge(
    { name: 'sealwatch_ledger_size', help: 'Durable lines of a ledger', labels },
    perTenant((tenant) => ledgers.get(tenant).size),
  )
  metrics.gauge(
    { name: 'sealwatch_ledger_signed_size', help: 'Lines under the newest checkpoint of a ledger', labels },
    perTenant((tenant) => ledgers.get(tenant).signed?.size ?? 0),
  )
  metrics.gauge(
    { name: 'sealwatch_ledger_altered', help: '1 where a walk over the ledger found it altered on the disk', labels },
    perTenant((tenant) => (integrity.get(tenant)?.problem === undefined ? 0 : 1)),
  )
  metrics.gauge(
    { name: 'sealwatch_outbox_oldest_seconds', help: 'How long lines of the server itself wait for their ledger' },
    () => (outbox.stuckSinceMs === undefined ? 0 : Math.max(0, clock.nowMs() - outbox.stuckSinceMs) / 1000),
  )
  metrics.gauge({ name: 'sealwatch_streams', help: 'Open streams of hosts' }, () => transport.streams)
  metrics.gauge({ name: 'sealwatch_sessions', help: 'Sessions of people' }, () => signIn.sessions.count)
  metrics.counter(
    { name: 'sealwatch_failed_logins_total', help: 'Steps of log-ins that failed since the start' },
    () => signIn.failed.count,
  )
  for (const outcome of ['received', 'admitted', 'refused', 'duplicate'] as const)
    metrics.counter(
      { name: `sealwatch_ingest_lines_${outcome}_total`, help: `Lines ${outcome} since the start` },
      () => rowBook.total()[outcome],
    )
  for (const [outcome, told] of [
    ['received', 'that hosts of the tenant brought'],
    ['held', 'of them that wait on the hosts, for the tenant is suspended or over its limit'],
  ] as const)
    metrics.counter({ name: `sealwatch_tenant_lines_${outcome}_total`, help: `Lines ${told}`, labels }, () =>
      tenants.sum(admission.lines, (lines) => lines[outcome]),
    )
  metrics.counter(
    { name: 'sealwatch_ingest_lines_quarantined_total', help: 'Lines quarantined since the start', labels: ['reason'] },
    () => Object.entries(rowBook.total().quarantined).map(([reason, count]) => [[reason], count] as const),
  )
}

/** The certificates that the doors show; a door without one is left out. */
export function addCertificateHealth(
  { show, metrics }: Health,
  clock: Clock,
  read: () => Readonly<Record<string, CertificateState | undefined>>,
): void {
  const shown = () => Object.entries(read()).flatMap(([door, state]) => (state ? [[door, state] as const] : []))
  show('certificates', () => {
    const states = shown()
    const isOver = states.some(([, { expiresAtMs }]) => clock.nowMs() >= expiresAtMs)
    const fails = states.some(([, { failure }]) => failure !== null)
    const doors = states.map(([door, { expiresAtMs, failure }]) => ({
      door,
      expiresAt: new Date(expiresAtMs).toISOString(),
      failingSince: failure && new Date(failure.sinceMs).toISOString(),
      problem: failure?.reason ?? null,
    }))
    return { level: isOver ? 'critical' : fails ? 'warning' : 'ok', doors }
  })
  metrics.gauge(
    {
      name: 'sealwatch_certificate_expiry_time_seconds',
      help: 'When the certificate that a door shows ends',
      labels: ['door'],
    },
    () => shown().map(([door, { expiresAtMs }]) => [[door], expiresAtMs / 1000] as const),
  )
}

/** The CA that certifies hosts, services and the server (docs/runbooks/ca.md). */
export function addCaHealth(
  { show, metrics }: Health,
  clock: Clock,
  authority: Pick<Authority, 'certificate' | 'problem'>,
): void {
  show('ca', () => {
    const { endsAt, state, problem } = caStateOf(authority, clock.nowMs())
    const level = state === 'ended' ? 'critical' : state === 'ending' || problem !== null ? 'warning' : 'ok'
    return { level, endsAt, problem }
  })
  metrics.gauge(
    { name: 'sealwatch_ca_expiry_time_seconds', help: 'When the CA that certifies hosts ends' },
    () => authority.certificate.validToDate.getTime() / 1000,
  )
}

/** Whether the hosts live, and what is wrong with those nobody looks at (docs/runbooks/host-blind.md). */
export function addPresenceHealth({ show, metrics }: Health, presence: Pick<HostWatch, 'counts'>): void {
  show('hosts', () => {
    const { lives, open } = presence.counts()
    const isBlind = Object.values(open).some((hosts) => hosts > 0)
    return { level: isBlind ? 'warning' : 'ok', ...lives, incidents: open }
  })
  metrics.gauge(
    { name: 'sealwatch_hosts', help: 'Hosts by whether they live: alive, silent, stopped, expected', labels: ['life'] },
    () => Object.entries(presence.counts().lives).map(([life, hosts]) => [[life], hosts] as const),
  )
  metrics.gauge(
    {
      name: 'sealwatch_host_incidents',
      help: 'Hosts that are silent, see less than before, withhold what they seal, or whose clock is off',
      labels: ['incident'],
    },
    () => Object.entries(presence.counts().open).map(([incident, hosts]) => [[incident], hosts] as const),
  )
}

/** Hosts that have something else in force than they are to have, and how they follow their policies (docs/runbooks/host-config.md, policy-denial.md). */
export function addConfigHealth({ metrics }: Health, configs: Pick<HostConfigs, 'drifting' | 'reaches'>): void {
  metrics.gauge(
    { name: 'sealwatch_hosts_config_drift', help: 'Hosts that have another configuration than they are to have' },
    () => configs.drifting.size,
  )
  metrics.gauge(
    {
      name: 'sealwatch_host_policies',
      help: 'Policies of hosts, each counted on each, by what becomes of it there',
      labels: ['reach'],
    },
    () => Object.entries(configs.reaches).map(([reach, count]) => [[reach], count] as const),
  )
}

/** Connections that were cut: of an address that had too many, or of a sender that had newer ones. */
export function addConnectionHealth(
  { metrics }: Health,
  {
    api,
    transport,
  }: { readonly api: { readonly refused: number }; readonly transport: Pick<Transport, 'connections'> },
): void {
  metrics.counter(
    {
      name: 'sealwatch_connections_refused_total',
      help: 'Connections cut since the start, by port and by whose limit it was',
      labels: ['port', 'limit'],
    },
    () => [
      [['agents', 'address'], transport.connections.refused],
      [['agents', 'sender'], transport.connections.outnumbered],
      [['api', 'address'], api.refused],
    ],
  )
}

/** How those who listen hear of what comes, and how many they are. */
export function addFeedHealth({ tell, metrics }: Health, feed: Feed): void {
  tell('broadcaster_mode', broadcasterMode)
  metrics.gauge({ name: 'sealwatch_feed_sockets', help: 'Open live feeds' }, () => feed.sockets)
  metrics.counter(
    { name: 'sealwatch_feed_ended_total', help: 'Live feeds that the server ended', labels: ['cause'] },
    () => Object.entries(feed.ended).map(([cause, count]) => [[cause.toLowerCase()], count] as const),
  )
}
