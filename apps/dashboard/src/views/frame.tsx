// SPDX-License-Identifier: Apache-2.0

import { onlineManager } from '@tanstack/react-query'
import { type ComponentType, lazy, Suspense, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { isUnreachable } from '../door/api.ts'
import { go, useHere } from '../door/here.ts'
import { setTheme, type Theme, theme, themeAfter } from '../door/theme.ts'
import { type Path, placeAt, placesFor } from '../model/places.ts'
import { type Act, commandOf } from '../model/shortcuts.ts'
import { LiveFeed } from './live-feed.tsx'
import { Menu, Shortcuts, SwitchTenant } from './overlays.tsx'
import { Icon } from './parts/icon.tsx'
import { Page } from './parts/page.tsx'
import { Bones, Empty, NotYours } from './parts/states.tsx'
import { Rail } from './rail.tsx'
import { Seal, useLedger } from './seal.tsx'
import { useSession } from './session.ts'
import { StrictOff } from './strict-off.tsx'

/** Each comes when it is first gone to. */
const pages: Readonly<Record<Path, ComponentType>> = {
  '/live': lazy(async () => ({ default: (await import('./live.tsx')).Live })),
  '/incidents': lazy(async () => ({ default: (await import('./incidents.tsx')).Incidents })),
  '/events': lazy(async () => ({ default: (await import('./events.tsx')).Events })),
  '/hosts': lazy(async () => ({ default: (await import('./hosts.tsx')).Hosts })),
  '/policies': lazy(async () => ({ default: (await import('./policies.tsx')).Policies })),
  '/requests': lazy(async () => ({ default: (await import('./requests.tsx')).Requests })),
  '/quarantine': lazy(async () => ({ default: (await import('./quarantine.tsx')).Quarantine })),
  '/notifications': lazy(async () => ({ default: (await import('./notifications.tsx')).Notifications })),
  '/ledger': lazy(async () => ({ default: (await import('./ledger.tsx')).Ledger })),
  '/audit': lazy(async () => ({ default: (await import('./audit.tsx')).Audit })),
  '/people': lazy(async () => ({ default: (await import('./people.tsx')).People })),
  '/roles': lazy(async () => ({ default: (await import('./roles.tsx')).Roles })),
  '/tokens': lazy(async () => ({ default: (await import('./tokens.tsx')).Tokens })),
  '/tenants': lazy(async () => ({ default: (await import('./tenants.tsx')).Tenants })),
  '/accounts': lazy(async () => ({ default: (await import('./accounts.tsx')).Accounts })),
  '/break-glass': lazy(async () => ({ default: (await import('./break-glass.tsx')).BreakGlass })),
  '/sessions': lazy(async () => ({ default: (await import('./sessions.tsx')).Sessions })),
}

export type Overlay = 'help' | 'tenant' | 'menu'

const online = (then: () => void) => onlineManager.subscribe(then)

/** What is around every page, and tells it what comes. */
export const Frame = () => (
  <LiveFeed>
    <Around />
  </LiveFeed>
)

function Around() {
  const { path } = useHere()
  const { view } = useSession()
  const mine = placesFor(view.actions)
  const place = path === '/' ? mine[0] : placeAt(path)
  const main = useRef<HTMLElement>(null)
  const [overlay, setOverlay] = useState<Overlay>()
  const [chosen, choose] = useState<Theme>(theme)
  const isOnline = useSyncExternalStore(online, () => onlineManager.isOnline())
  const isAway = isUnreachable(useLedger().failureReason)
  const nextTheme = () => {
    const next = themeAfter(theme())
    setTheme(next)
    choose(next)
  }

  useShortcuts(
    (act) => {
      if (act === 'help' || act === 'tenant') setOverlay(act)
      if (act === 'theme') nextTheme()
      if (act === 'search') main.current?.querySelector<HTMLElement>('[data-search]')?.focus()
      if (act === 'close') main.current?.querySelector<HTMLElement>('[data-close]')?.click()
      if (act === 'down' || act === 'up') step(main.current, act === 'down' ? 1 : -1)
    },
    new Map(mine.map(({ key, path }) => [key, path])),
  )

  useEffect(() => {
    document.title =
      place === undefined ? (path === '/' ? 'Sealwatch' : 'Not found · Sealwatch') : `${place.name} · Sealwatch`
    main.current?.scrollTo({ top: 0 })
  }, [place, path])

  const Shown = place === undefined ? undefined : pages[place.path]
  return (
    <div className="frame">
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <Rail here={place} theme={chosen} nextTheme={nextTheme} open={setOverlay} />
      <main className="main" id="main" ref={main} tabIndex={-1}>
        {isOnline && !isAway ? null : (
          <p className="offline" role="status">
            <Icon name="warn" size={14} />
            {isOnline ? 'The server does not answer.' : 'There is no network.'} What you see is as it was; it goes on by
            itself.
          </p>
        )}
        <StrictOff />
        <Suspense
          key={place?.path}
          fallback={
            <Page title={place?.name ?? ''}>
              <Bones />
            </Page>
          }
        >
          {place === undefined && path !== '/' ? (
            <NoSuchPage path={path} />
          ) : Shown === undefined || place === undefined || !mine.includes(place) ? (
            <Page title={place?.name ?? 'Sealwatch'}>
              <NotYours isCluster={place?.group === 'cluster'} />
            </Page>
          ) : (
            <Shown />
          )}
        </Suspense>
      </main>
      <Seal />
      {overlay === 'help' ? <Shortcuts close={() => setOverlay(undefined)} /> : null}
      {overlay === 'tenant' ? <SwitchTenant close={() => setOverlay(undefined)} /> : null}
      {overlay === 'menu' ? <Menu here={place} close={() => setOverlay(undefined)} /> : null}
    </div>
  )
}

const NoSuchPage = ({ path }: { readonly path: string }) => (
  <Page title="There is no such page">
    <Empty icon="search" title="Nothing is here">
      <p>
        <code>{path}</code> leads nowhere: the link may be old, or mistyped.
      </p>
      <a className="button" href="/">
        To the beginning
      </a>
    </Empty>
  </Page>
)

function useShortcuts(act: (act: Act) => void, leads: ReadonlyMap<string, string>): void {
  const pending = useRef('')
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return
      // A dialog has keys of its own, and so has a text; who is done with it closes what is open.
      if (document.querySelector('dialog[open]') !== null || (event.key !== 'Escape' && isWriting(event.target))) return
      const { pending: next, command } = commandOf(pending.current, event.key, leads)
      pending.current = next
      if (command === undefined) return
      event.preventDefault()
      if ('go' in command) go(command.go)
      else act(command.act)
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  })
}

const isWriting = (target: EventTarget | null) =>
  target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]')

/** From one row that can be opened to the next. */
function step(within: HTMLElement | null, by: 1 | -1): void {
  const rows = [...(within?.querySelectorAll<HTMLElement>('[data-row]') ?? [])]
  const now = rows.indexOf(document.activeElement as HTMLElement)
  rows[now === -1 ? 0 : Math.min(rows.length - 1, Math.max(0, now + by))]?.focus()
}
