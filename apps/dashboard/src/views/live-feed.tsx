// SPDX-License-Identifier: Apache-2.0

import { useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, use, useEffect, useState } from 'react'
import { browserClock } from '../door/clock.ts'
import { openFeed } from '../door/feed.ts'
import type { FeedFrame, FeedState } from '../model/feed.ts'
import { useMay, useSession } from './session.ts'

const FeedContext = createContext<FeedState>('connecting')
/** However much comes, each list is asked for no more often. */
const restMs = 250
/** The lists that what came may stand in: what an event leads to comes after it, and does not wait for it. */
const listsOf: Readonly<Record<FeedFrame['type'], readonly (readonly string[])[]>> = {
  head: [['ledger']],
  event: [
    ['newest', 'listEvents'],
    ['newest', 'listActs'],
  ],
  alert: [['newest', 'listAlerts'], ['newest', 'listEvents'], ['newest', 'listIncidents'], ['incident']],
}

/** Lists are asked for the moment that something came; where nothing tells, every so often. */
export function LiveFeed({ children }: { readonly children: ReactNode }) {
  const { view } = useSession()
  const queries = useQueryClient()
  const [state, setState] = useState<FeedState>('connecting')
  const { tenant } = view
  const mayListen = useMay()('feed:subscribe')
  useEffect(() => {
    if (!mayListen) return
    const resting = new Map<string, () => void>()
    const again = new Set<string>()
    const tell = (list: readonly string[]) => {
      const name = list.join(' ')
      if (resting.has(name)) {
        again.add(name)
        return
      }
      void queries.invalidateQueries({ queryKey: [tenant, ...list] })
      const callOff = browserClock.after(restMs, () => {
        resting.delete(name)
        if (again.delete(name)) tell(list)
      })
      resting.set(name, callOff)
    }
    const feed = openFeed({
      clock: browserClock,
      onState: setState,
      onFrame: ({ type }) => {
        for (const list of listsOf[type]) tell(list)
      },
      onSessionEnd: () => void queries.invalidateQueries({ queryKey: ['session'] }),
    })
    return () => {
      feed.close()
      for (const callOff of resting.values()) callOff()
    }
  }, [queries, tenant, mayListen])
  return <FeedContext value={mayListen ? state : 'none'}>{children}</FeedContext>
}

export const useFeedState = (): FeedState => use(FeedContext)

const toldMs = 15_000
/** How often to ask for what the feed tells of: seldom while it does. */
export const useEvery = (untoldMs: number): number => (useFeedState() === 'live' ? toldMs : untoldMs)
