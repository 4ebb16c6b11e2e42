// SPDX-License-Identifier: Apache-2.0

import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import { type Entry, withNewer } from '../../model/entry.ts'
import { useEvery } from '../live-feed.tsx'
import { useAsk, useAskPages, useSession } from '../session.ts'

export type Source = 'listAlerts' | 'listEvents' | 'listActs'

const pageSize = 100
const newestSize = 50
const everyMs = 1_000
const noEntries: readonly Entry[] = []

/** Lines of the ledger, the newest first: older ones as they are asked for, newer ones as they come. */
export function useEntries(source: Source, filter = '') {
  const { view } = useSession()
  const queries = useQueryClient()
  const asked = filter === '' ? {} : { filter }
  const key = ['entries', source, filter]
  const older = useAskPages<Entry>(
    key,
    (door, from) => door.call(source, { query: { limit: pageSize, ...asked, ...from } }),
    { staleTime: Number.POSITIVE_INFINITY },
  )
  const newest = useAsk(
    ['newest', source, filter],
    (asks) => asks.call(source, { query: { limit: newestSize, ...asked } }),
    { everyMs: useEvery(everyMs), enabled: older.data !== undefined },
  )
  const first = older.data?.items ?? noEntries
  const [fresh, setFresh] = useState<{ readonly of: string; readonly entries: readonly Entry[] }>({
    of: '',
    entries: noEntries,
  })
  const name = [view.tenant, ...key].join(' ')
  const mine = fresh.of === name ? fresh.entries : noEntries
  const { data } = newest
  const hasGap = useMemo(
    () => data !== undefined && withNewer([...mine, ...first], data.items, data.next !== null).hasGap,
    [data, mine, first],
  )
  useEffect(() => {
    if (data === undefined) return
    setFresh((before) => {
      const kept = before.of === name ? before.entries : noEntries
      const { entries } = withNewer([...kept, ...first.slice(0, 1)], data.items, false)
      const mineNow = entries.slice(0, entries.length - Math.min(1, first.length))
      return mineNow.length === kept.length && before.of === name ? before : { of: name, entries: mineNow }
    })
  }, [data, first, name])
  // More came at once than was asked for: all is read again, so that nothing is left out between.
  useEffect(() => {
    if (!hasGap) return
    setFresh({ of: '', entries: noEntries })
    void queries.resetQueries({ queryKey: [view.tenant, 'entries', source, filter] })
  }, [hasGap, queries, view.tenant, source, filter])
  const entries = useMemo(() => [...mine, ...first], [mine, first])
  return {
    entries,
    arrived: mine.length,
    isLoading: older.isPending,
    error: older.error ?? (newest.data === undefined ? newest.error : null),
    isStale: newest.error !== null,
    again: () => void older.refetch(),
    hasMore: older.hasNextPage,
    more: () => {
      if (older.hasNextPage && !older.isFetchingNextPage) void older.fetchNextPage()
    },
  }
}
