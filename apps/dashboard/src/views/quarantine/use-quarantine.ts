// SPDX-License-Identifier: Apache-2.0

import { type Asked, filterOf, stateOf } from '../../model/quarantine-query.ts'
import { useAsk, useAskPages, useMay } from '../session.ts'

const everyMs = 5_000
const countMs = 10_000
const pageSize = 100
const hostsMax = 100

/** How much waits: for the rail, and for whoever is on the page. */
export function useWaiting() {
  const enabled = useMay()('quarantine:read')
  return useAsk(['quarantine', 'waiting'], (door) => door.call('getQuarantineWaiting'), { everyMs: countMs, enabled })
}

export function useItems(asked: Asked) {
  const filter = filterOf(asked)
  return useAskPages(
    ['quarantine', 'items', filter],
    (door, { cursor }) =>
      door.call('listQuarantine', {
        query: { ...filter, limit: pageSize, ...(cursor === undefined ? {} : { cursor: Number(cursor) }) },
      }),
    { everyMs },
  )
}

/** Of what waits alone. */
export function usePicture(asked: Asked) {
  const { state: _, ...filter } = filterOf(asked)
  return useAsk(['quarantine', 'picture', filter], (door) => door.call('getQuarantinePicture', { query: filter }), {
    everyMs,
    enabled: stateOf(asked) === 'waiting',
  })
}

export const useReleases = () =>
  useAsk(['quarantine', 'releases'], (door) => door.call('listReleases', { query: { limit: pageSize } }), { everyMs })

export const useItem = (leaf_index: number) =>
  useAsk(['quarantine', 'item', leaf_index], (door) => door.call('showQuarantined', { params: { leaf_index } }), {
    everyMs,
  })

/** What hosts are called, for whoever may see it. */
export function useHostNames(): ReadonlyMap<string, string> {
  const enabled = useMay()('host:list')
  const { data } = useAsk(['host-names'], (door) => door.call('listHosts', { query: { limit: hostsMax } }), { enabled })
  return new Map(data?.items.map(({ host_id, hostname }) => [host_id, hostname]))
}
