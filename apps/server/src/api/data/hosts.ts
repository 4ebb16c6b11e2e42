// SPDX-License-Identifier: Apache-2.0

import type { Authorised } from '../../access/index.ts'
import type { ApiPorts } from '../ports.ts'
import { type GuardStateOfHost, guardState } from './guard-state.ts'
import { type PostureState, postureState } from './posture.ts'
import { type ChainState, chainState, counted, type SensorState, sensorState } from './sensor-state.ts'

export type HostRow = Awaited<ReturnType<typeof hostsOf>>[number]

/** Hosts of the tenant by their id, those after `after`. */
export async function hostsOf(
  { db }: ApiPorts,
  { tenant }: Authorised<'host:list'>,
  { after, limit, hostId }: { readonly after: string; readonly limit: number; readonly hostId?: string },
) {
  return db
    .selectFrom('hosts')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('host_id', '>', after)
    .$if(hostId !== undefined, (rows) => rows.where('host_id', '=', hostId ?? ''))
    .orderBy('host_id')
    .limit(limit)
    .execute()
}

/** What a host says of itself, how far its chain is, and what its sensor sees. */
export async function hostState(
  ports: ApiPorts,
  { tenant }: Authorised<'host:list'>,
  { host_id }: HostRow,
): Promise<
  ChainState & {
    readonly sensor: SensorState
    readonly posture: PostureState | null
    readonly guard: GuardStateOfHost | null
    readonly nextSeq: number
  }
> {
  const own = await chainOf(ports, tenant, host_id)
  const state = own === undefined ? { lastAt: undefined, account: undefined } : await chainState(ports, tenant, own)
  // The host's own words about itself: they stand in the cluster's ledger, and are of this tenant's host.
  const words = await chainOf(ports, 'cluster', host_id)
  const [sensor, posture] = [await sensorState(ports, words), await postureState(ports, words)]
  const guard = await guardState(ports, await chainOf(ports, 'cluster', host_id, 'guard'))
  const nextSeq = own === undefined ? 0 : ports.ledgers.get(tenant).position(own).nextSeq
  return { ...state, sensor: { ...sensor, sites: counted(sensor.sites, state.account) }, posture, guard, nextSeq }
}

/** The newest chain of a host's agent, or of its guard, in a tenant's ledger; undefined: it has registered none. */
export async function chainOf(
  { db }: ApiPorts,
  tenant: string,
  hostId: string,
  writer: '' | 'guard' = '',
): Promise<string | undefined> {
  const row = await db
    .selectFrom('chains')
    .select('chain')
    .where('tenant', '=', tenant)
    .where('host_id', '=', hostId)
    .where('writer', '=', writer)
    .orderBy('registered_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.chain
}
