// SPDX-License-Identifier: Apache-2.0
// Where one is: the address of the page is the only place where that is kept.

import { useSyncExternalStore } from 'react'

const changed = 'sealwatch:here'

function subscribe(then: () => void): () => void {
  for (const name of ['popstate', changed]) window.addEventListener(name, then)
  return () => {
    for (const name of ['popstate', changed]) window.removeEventListener(name, then)
  }
}

const current = () => window.location.pathname + window.location.search

export type Here = { readonly path: string; readonly query: URLSearchParams }

export function useHere(): Here {
  const { pathname, searchParams } = new URL(useSyncExternalStore(subscribe, current), window.location.origin)
  return { path: pathname, query: searchParams }
}

export function go(to: string, { replace = false } = {}): void {
  if (to === current()) return
  window.history[replace ? 'replaceState' : 'pushState'](null, '', to)
  window.dispatchEvent(new Event(changed))
}

/** Says where one is on this page, so that it can be gone back to and handed on. */
export function setQuery(members: Readonly<Record<string, string | undefined>>): void {
  const { pathname, searchParams } = new URL(window.location.href)
  for (const [name, value] of Object.entries(members))
    if (value === undefined || value === '') searchParams.delete(name)
    else searchParams.set(name, value)
  const search = searchParams.toString()
  go(search === '' ? pathname : `${pathname}?${search}`, { replace: true })
}
