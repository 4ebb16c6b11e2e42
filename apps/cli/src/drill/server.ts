// SPDX-License-Identifier: Apache-2.0

import type { SealwatchError } from '@sealwatch/base'
import type { ApiClient, Operations } from '@sealwatch/contract/api'
import { cliError } from '../errors.ts'
import { seriesIn } from './metrics.ts'

const askMsMax = 10_000
const roomBytesMin = 256 * 1024 * 1024
const roomShareMin = 0.05

/** What a drill has to know of the server that it is run on. */
export type ServerFacts = {
  readonly deployment: string
  readonly api: string
  /** Where /metrics and /healthz are, as the drill began. */
  readonly health: string
  readonly caFingerprint: string
  readonly ledgerKeys: readonly string[]
}
type Told = Operations['getStatus']['answer']
/** With what the API's description leaves open. */
type Status = Omit<Told, 'integrity' | 'hosts'> & {
  readonly integrity: readonly (Told['integrity'][number] & { readonly problem?: unknown })[]
  readonly hosts: readonly (Told['hosts'][number] & { readonly tenant?: string })[]
}

export const refused = (received: string, advice?: string): SealwatchError =>
  cliError('CLI_DRILL_REFUSED', {
    attempted: 'looking whether a drill is safe here',
    received,
    ...(advice !== undefined && { advice }),
  })

async function textAt(health: string, path: string): Promise<string> {
  const answer = await fetch(new URL(path, health), { signal: AbortSignal.timeout(askMsMax) })
  return await answer.text()
}

/** Where it is shown may differ after a start. Throws what fetch throws where nobody answers. */
export const metricsAt = async (root: ApiClient): Promise<string> =>
  await textAt((await root.call('getStatus')).health, '/metrics')

/** Seconds; another one: the server was started anew, and counts from there. */
export const startOf = (metrics: string): number | undefined => seriesIn(metrics, 'process_start_time_seconds', {})

/**
 * Nothing is changed by it. Throws CLI_DRILL_REFUSED where a drill could do harm, or would drown what is real: it needs
 * room, a deployment that is well, ledgers that were found whole, and a tenant that nobody else uses.
 */
export async function checkSafety(
  root: ApiClient,
  ofTenant: ApiClient,
  { tenant, producer, room }: { readonly tenant: string; readonly producer: string; readonly room: Room },
): Promise<ServerFacts> {
  if (tenant === 'default' || tenant === 'cluster')
    throw refused(`the tenant ${tenant}`, 'Choose a tenant of its own for the decoy: --tenant drill')
  const status: Status = await root.call('getStatus')
  checkRoom(room)
  checkLedgers(status, tenant)
  await checkHealth(status.health)
  const { items } = await root.call('listTenants', { query: { limit: 500 } })
  const found = items.find(({ name }) => name === tenant)
  if (found !== undefined) {
    if (found.state !== 'active')
      throw refused(`the tenant ${tenant}, which is ${found.state}`, `Resume it, or choose another: --tenant NAME`)
    await checkOwn(ofTenant, tenant, producer, status)
  }
  const { deployment, api, trust } = status
  return { deployment, api, health: status.health, caFingerprint: trust.ca_fingerprint, ledgerKeys: trust.ledger_keys }
}

/** As statfs(2) tells it, of the disk that holds the ledgers. */
export type Room = Readonly<Record<'bavail' | 'bsize' | 'blocks', number>>

function checkRoom({ bavail, bsize, blocks }: Room): void {
  const free = bavail * bsize
  if (free >= roomBytesMin && bavail >= blocks * roomShareMin) return
  throw refused(
    `${Math.floor(free / 1024 ** 2)} MiB free, ${Math.floor((100 * bavail) / blocks)} % of the disk`,
    `Make room first: a drill wants ${roomBytesMin / 1024 ** 2} MiB and ${100 * roomShareMin} %`,
  )
}

function checkLedgers({ integrity, signing }: Status, tenant: string): void {
  for (const { tenant: name, checked, size, problem } of integrity) {
    if (problem !== undefined && problem !== null)
      throw refused(`the ledger of ${name}, which was altered`, 'Follow docs/runbooks/ledger-altered.md first')
    if (name === tenant && checked < size)
      throw refused(
        `the ledger of ${name}, verified to ${checked} of ${size} lines so far`,
        'Wait until it is verified',
      )
  }
  if (signing.problem !== null)
    throw refused(`a root ledger that is not signed: ${signing.problem}`, 'Follow docs/runbooks/signer.md first')
}

/** Whoever has real trouble needs no drill. */
async function checkHealth(health: string): Promise<void> {
  const members = JSON.parse(await textAt(health, '/healthz')) as Readonly<Record<string, { level?: string } | null>>
  const critical = Object.entries(members).flatMap(([name, one]) => (one?.level === 'critical' ? [name] : []))
  if (critical.length > 0)
    throw refused(`a server in trouble: ${critical.join(', ')}`, 'Mend it first: sealwatch status')
}

/** The tenant is the decoy's alone: nobody else's rows are touched, nobody else's figures are mixed with the drill's. */
async function checkOwn(api: ApiClient, tenant: string, producer: string, { hosts }: Status): Promise<void> {
  const advice = 'Choose a tenant of its own for the decoy: --tenant drill'
  const { items } = await api.call('listProducers')
  const others = items.filter((one) => one.producer !== producer)
  if (others.length > 0) throw refused(`the tenant ${tenant}, which has services: ${others[0]?.producer}`, advice)
  const host = hosts.find((one) => one.tenant === tenant)
  if (host !== undefined) throw refused(`the tenant ${tenant}, which has hosts: ${host.hostname}`, advice)
}
