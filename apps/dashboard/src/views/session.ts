// SPDX-License-Identifier: Apache-2.0

import {
  type InfiniteData,
  type UseInfiniteQueryResult,
  type UseQueryResult,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import { createContext, use, useEffect } from 'react'
import { type Door, isProblem, type SessionView } from '../door/api.ts'

export type Action = SessionView['actions'][number]
export type Session = {
  readonly view: SessionView
  readonly door: Door
  /** Tells in passing what was done. */
  say(done: Done): void
}
export type Done = { readonly what: string; readonly leaf?: number | null | undefined }

export const SessionContext = createContext<Session | undefined>(undefined)

export function useSession(): Session {
  const session = use(SessionContext)
  if (session === undefined) throw new Error('this is shown to whoever has signed in')
  return session
}

/** Whether one may do something in the tenant, as far as is known: the server decides it again. */
export function useMay(): (action: Action) => boolean {
  const { actions } = useSession().view
  return (action) => actions.includes(action)
}

/** What the API answers, kept under `key` for the tenant that the session is in. */
export function useAsk<T>(
  key: readonly unknown[],
  ask: (door: Door) => Promise<T>,
  options: { readonly everyMs?: number; readonly enabled?: boolean } = {},
): UseQueryResult<T> {
  const { door, view } = useSession()
  const asked = useQuery({
    queryKey: [view.tenant, ...key],
    queryFn: () => ask(door),
    enabled: options.enabled ?? true,
    ...(options.everyMs === undefined ? {} : { refetchInterval: options.everyMs }),
  })
  useSessionCheck(asked.error)
  return asked
}

type Page<T> = { readonly items: readonly T[]; readonly next: string | null }
/** Where a page begins: at the first of all without a cursor. */
export type From = { readonly cursor?: string }

export type Pages<T> = { readonly items: readonly T[]; readonly pages: number }
export type AskedPages<T> = UseInfiniteQueryResult<Pages<T>>

/** A list of which the API answers so many items at a time: the first at once, more when they are asked for. */
export function useAskPages<T>(
  key: readonly unknown[],
  ask: (door: Door, from: From) => Promise<Page<T>>,
  options: { readonly everyMs?: number; readonly staleTime?: number } = {},
): AskedPages<T> {
  const { door, view } = useSession()
  const { everyMs, ...rest } = options
  const asked = useInfiniteQuery({
    queryKey: [view.tenant, ...key],
    queryFn: ({ pageParam }) => ask(door, pageParam === '' ? {} : { cursor: pageParam }),
    initialPageParam: '',
    getNextPageParam: ({ next }) => next ?? undefined,
    select: joined<T>,
    ...rest,
    ...(everyMs === undefined ? {} : { refetchInterval: everyMs }),
  })
  useSessionCheck(asked.error)
  return asked
}

const joined = <T>({ pages }: InfiniteData<Page<T>>): Pages<T> => ({
  items: pages.flatMap(({ items }) => items),
  pages: pages.length,
})

/** All pages of what is picked from. */
export async function everyItem<T>(ask: (from: From) => Promise<Page<T>>): Promise<readonly T[]> {
  const items: T[] = []
  for (let from: From | undefined = {}; from !== undefined; ) {
    const page: Page<T> = await ask(from)
    items.push(...page.items)
    from = page.next === null ? undefined : { cursor: page.next }
  }
  return items
}

type Recorded = { readonly ledger: { readonly leaf_index: number | null } }

/** Does something, says so, and asks again for what it changed. */
export function useAct<I, T>(
  act: (door: Door, input: I) => Promise<T>,
  options: {
    readonly changes: readonly string[]
    readonly says?: (input: I) => string
    readonly done?: (answer: T, input: I) => void
  },
) {
  const { door, view, say } = useSession()
  const queries = useQueryClient()
  const acting = useMutation({
    mutationFn: (input: I) => act(door, input),
    onSuccess: async (answer, input) => {
      const { ledger } = (answer ?? {}) as Partial<Recorded>
      if (options.says !== undefined) say({ what: options.says(input), leaf: ledger?.leaf_index })
      options.done?.(answer, input)
      await Promise.all(options.changes.map((name) => queries.invalidateQueries({ queryKey: [view.tenant, name] })))
    },
  })
  useSessionCheck(acting.error)
  return acting
}

/** A session that is over, has gone elsewhere in another tab, or may less than was known, is asked about at once. */
function useSessionCheck(error: unknown): void {
  const queries = useQueryClient()
  const isOver = isProblem(error, 'CREDENTIALS_INVALID', 'TENANT_SWITCHED', 'ACCESS_DENIED')
  useEffect(() => {
    if (isOver) void queries.invalidateQueries({ queryKey: ['session'] })
  }, [isOver, queries])
}
