// SPDX-License-Identifier: Apache-2.0

import type { MouseEvent } from 'react'
import { go } from '../door/here.ts'
import type { Theme } from '../door/theme.ts'
import { groups, type Place, placesFor } from '../model/places.ts'
import { shortCount } from '../model/words.ts'
import type { Overlay } from './frame.tsx'
import { Icon, Mark } from './parts/icon.tsx'
import { useWaiting } from './quarantine/use-quarantine.ts'
import { useAsk, useMay, useSession } from './session.ts'

export function Rail({
  here,
  theme,
  nextTheme,
  open,
}: {
  readonly here: Place | undefined
  readonly theme: Theme
  readonly nextTheme: () => void
  readonly open: (overlay: Overlay) => void
}) {
  const { view } = useSession()
  return (
    <header className="rail">
      <a className="brand" href="/" aria-label="Sealwatch" onClick={within}>
        <Mark />
        <span>Sealwatch</span>
      </a>
      <button type="button" className="tenant" onClick={() => open('tenant')} aria-haspopup="dialog">
        <span>
          <small>Tenant</small>
          {view.tenant}
        </span>
        <Icon name="switch" size={14} />
      </button>
      <Places here={here} all={placesFor(view.actions)} />
      <div className="foot">
        <p className="who">
          <b>{view.person?.name ?? view.principal.id}</b>
          <small>{view.person?.email ?? view.principal.kind}</small>
        </p>
        <button
          type="button"
          className="bare"
          onClick={nextTheme}
          aria-label={`Theme: ${theme}. Change`}
          title={`Theme: ${theme} (d)`}
        >
          <Icon name={theme} />
        </button>
        <button
          type="button"
          className="bare wide"
          onClick={() => open('help')}
          aria-label="Keyboard help"
          title="Keyboard help (?)"
        >
          <Icon name="help" />
        </button>
        <button
          type="button"
          className="bare menu"
          onClick={() => open('menu')}
          aria-label="Pages"
          aria-haspopup="dialog"
        >
          <Icon name="menu" />
        </button>
      </div>
    </header>
  )
}

const Places = ({ here, all }: { readonly here: Place | undefined; readonly all: readonly Place[] }) => (
  <nav aria-label="Pages">
    {[...Map.groupBy(all, ({ group }) => group)].map(([group, of]) => (
      <section key={group}>
        <h2>{groups[group]}</h2>
        <PlaceLinks here={here} of={of} />
      </section>
    ))}
  </nav>
)

export const PlaceLinks = ({
  here,
  of,
  then,
}: {
  readonly here: Place | undefined
  readonly of: readonly Place[]
  readonly then?: () => void
}) => (
  <ul>
    {of.map((place) => (
      <li key={place.path}>
        <a
          href={place.path}
          aria-current={place.path === here?.path ? 'page' : undefined}
          onClick={(event) => {
            within(event)
            then?.()
          }}
        >
          <Icon name={place.icon} />
          {place.name}
          {place.path === '/break-glass' ? <Waiting /> : null}
          {place.path === '/quarantine' ? <Quarantined /> : null}
          <kbd>g {place.key}</kbd>
        </a>
      </li>
    ))}
  </ul>
)

/** Break-glass access that nobody has looked at. */
function Waiting() {
  const enabled = useMay()('deployment:read')
  const { data } = useAsk(['break-glass'], (door) => door.call('listBreakGlass'), { everyMs: 10_000, enabled })
  return data === undefined || data.items.length === 0 ? null : (
    <span className="count">
      {data.items.length}
      <span className="only-read"> to be explained</span>
    </span>
  )
}

/** What waits until somebody repairs, replays or decides. */
function Quarantined() {
  const { data } = useWaiting()
  return data === undefined || data.items === 0 ? null : (
    <span className="count">
      {shortCount(data.items)}
      <span className="only-read"> items wait</span>
    </span>
  )
}

/** Stays on this page, unless the browser was asked to open another. */
function within(event: MouseEvent<HTMLAnchorElement>): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
  event.preventDefault()
  go(event.currentTarget.pathname)
}
