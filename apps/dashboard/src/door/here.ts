// SPDX-License-Identifier: Apache-2.0
// Where one is: the address of the page is the only place where that is kept.

import { useSyncExternalStore } from 'react'

const changed = 'sealwatch:here'

function subscribe(then: () => void): () => void {
  window.addEventListener(changed, then)
  return () => window.removeEventListener(changed, then)
}

const current = () => window.location.pathname + window.location.search

export type Here = { readonly path: string; readonly query: URLSearchParams }

export function useHere(): Here {
  const { pathname, searchParams } = new URL(useSyncExternalStore(subscribe, current), window.location.origin)
  return { path: pathname, query: searchParams }
}

/** Whoever is asked before one leaves; `leave` goes on. */
type Ask = (leave: () => void) => void
let held: { readonly ask: Ask; readonly at: string } | undefined

/** Until what it returns is called, nobody goes anywhere else before `ask` was answered: on this page, back, or away from it. */
export function holdHere(ask: Ask): () => void {
  const mine = { ask, at: current() }
  const away = (event: BeforeUnloadEvent) => event.preventDefault()
  held = mine
  window.addEventListener('beforeunload', away)
  return () => {
    if (held === mine) held = undefined
    window.removeEventListener('beforeunload', away)
  }
}

// The one who hears of it: the browser has gone back already, and is called back where somebody is held.
window.addEventListener('popstate', () => {
  const to = current()
  if (held === undefined) window.dispatchEvent(new Event(changed))
  else {
    window.history.pushState(null, '', held.at)
    held.ask(() => go(to))
  }
})

/** At once where nobody holds one here. */
export function beforeLeaving(leave: () => void): void {
  if (held === undefined) leave()
  else held.ask(leave)
}

export function go(to: string, how: { readonly replace?: boolean } = {}): void {
  if (to !== current()) beforeLeaving(() => moveTo(to, how))
}

function moveTo(to: string, { replace = false }: { readonly replace?: boolean }): void {
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
