// SPDX-License-Identifier: Apache-2.0

import { useRef, useState } from 'react'
import { setQuery, useHere } from '../door/here.ts'
import { rowsIn } from '../model/quarantine.ts'
import { askedIn, isNarrowed, stateOf } from '../model/quarantine-query.ts'
import { ListKeys } from './entries/browser.tsx'
import { More } from './parts/more.tsx'
import { Page } from './parts/page.tsx'
import { Asked, Empty } from './parts/states.tsx'
import { Detail } from './quarantine/detail.tsx'
import { Filters } from './quarantine/filters.tsx'
import { Items } from './quarantine/items.tsx'
import { Picture } from './quarantine/picture.tsx'
import { Replay } from './quarantine/replay.tsx'
import { Requests } from './quarantine/requests.tsx'
import { useItems, usePicture, useReleases, useWaiting } from './quarantine/use-quarantine.ts'
import { useMay } from './session.ts'

export function Quarantine() {
  const { query } = useHere()
  const asked = askedIn(query)
  const items = useItems(asked)
  const picture = usePicture(asked)
  const waiting = useWaiting()
  const releases = useReleases()
  const may = useMay()
  const [isReplaying, setReplaying] = useState(false)
  const listing = useRef<HTMLDivElement>(null)
  const leaf = query.get('leaf')
  const open = leaf !== null && /^\d{1,15}$/.test(leaf) ? Number(leaf) : undefined
  const waits = stateOf(asked) === 'waiting'
  const requested = new Set(releases.data?.items.map(({ leaf_index }) => leaf_index))
  /** Whoever opened it goes on from there. */
  const close = () => {
    setQuery({ leaf: undefined })
    requestAnimationFrame(() => listing.current?.querySelector<HTMLElement>(`[data-leaf="${leaf}"]`)?.focus())
  }
  return (
    <Page
      title="Quarantine"
      about="What failed verification. Nothing is lost: its exact bytes are kept, and a stub in the ledger says where they belong."
      acts={
        <>
          <ListKeys />
          {may('quarantine:replay') && (waiting.data?.items ?? 0) > 0 ? (
            <button type="button" className="button first" onClick={() => setReplaying(true)}>
              Replay…
            </button>
          ) : null}
        </>
      }
    >
      <div className={open === undefined ? 'browser held' : 'browser held open'}>
        <div className="listing" ref={listing}>
          <Requests all={releases.data?.items ?? []} />
          {waits && picture.data !== undefined && rowsIn(picture.data.rows) > 0 ? (
            <Picture of={picture.data} asked={asked} />
          ) : null}
          <Filters key={JSON.stringify(asked)} asked={asked} />
          <Asked of={items} rows={8}>
            {({ items: all }) =>
              all.length > 0 ? (
                <Items items={all} open={open} asked={requested} />
              ) : isNarrowed(asked) ? (
                <Empty icon="quarantine" title="Nothing here is as asked for">
                  <p>Ask for less, or for another time.</p>
                </Empty>
              ) : waits ? (
                <Empty icon="quarantine" title="Nothing waits">
                  <p>Every row that came was verified, or has come in since.</p>
                </Empty>
              ) : (
                <Empty icon="quarantine" title="Nothing has come in from here yet">
                  <p>What is replayed or released is shown here, with the line of the ledger where it stands.</p>
                </Empty>
              )
            }
          </Asked>
          <More of={items} />
        </div>
        {open === undefined ? null : <Detail key={open} leaf={open} close={close} />}
      </div>
      {isReplaying ? <Replay asked={asked} close={() => setReplaying(false)} /> : null}
    </Page>
  )
}
