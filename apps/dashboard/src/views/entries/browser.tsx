// SPDX-License-Identifier: Apache-2.0
// Lines, and beside them the one that is looked at; where there is room for one, that one.

import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useEffect, useMemo, useRef, useSyncExternalStore } from 'react'
import { setQuery, useHere } from '../../door/here.ts'
import { objectOf, together, wordsOf } from '../../model/entry.ts'
import { proofNow } from '../../model/standing.ts'
import { clockOf, dayOf } from '../../model/words.ts'
import { Icon } from '../parts/icon.tsx'
import { Bones, ProblemNote } from '../parts/states.tsx'
import { useLedger } from '../seal.tsx'
import { Actor, useNames } from './actor.tsx'
import { Detail } from './detail.tsx'
import { Unverified } from './unverified.tsx'
import { type Source, useEntries } from './use-entries.ts'

/** On a narrow screen titles have two lines. */
const rowHeights = { wide: 54, narrow: 72 }
const narrow = window.matchMedia('(max-width: 760px)')
function onNarrow(then: () => void) {
  narrow.addEventListener('change', then)
  return () => narrow.removeEventListener('change', then)
}

export function Browser({
  source,
  filter = '',
  label,
  empty,
  head,
}: {
  readonly source: Source
  readonly filter?: string
  readonly label: string
  readonly empty: ReactNode
  readonly head?: ReactNode
}) {
  const { query } = useHere()
  const found = useEntries(source, filter)
  const leaf = query.get('leaf')
  const open = leaf !== null && /^\d{1,15}$/.test(leaf) ? Number(leaf) : undefined
  const listing = useRef<HTMLDivElement>(null)
  /** Whoever opened it goes on from there. */
  const close = () => {
    setQuery({ leaf: undefined })
    requestAnimationFrame(() => listing.current?.querySelector<HTMLElement>(`[data-leaf="${leaf}"]`)?.focus())
  }
  return (
    <div className={open === undefined ? 'browser' : 'browser open'}>
      <div className="listing" ref={listing}>
        {head}
        {found.error !== null ? (
          <ProblemNote error={found.error} again={found.again} />
        ) : found.isLoading ? (
          <Bones rows={12} />
        ) : found.entries.length === 0 ? (
          empty
        ) : (
          <List found={found} open={open} label={label} gathers={source === 'listAlerts'} />
        )}
      </div>
      {open === undefined ? null : <Detail key={open} leaf={open} close={close} />}
    </div>
  )
}

/** How to go on without a mouse. */
export const ListKeys = () => (
  <span className="list-keys" aria-hidden="true">
    <kbd>j</kbd> <kbd>k</kbd> and <kbd>Enter</kbd> open a line
  </span>
)

function List({
  found,
  open,
  label,
  gathers,
}: {
  readonly found: ReturnType<typeof useEntries>
  readonly open: number | undefined
  readonly label: string
  /** Those that are alike are one row. */
  readonly gathers: boolean
}) {
  const { entries, hasMore, more } = found
  const shown = useMemo(
    () => (gathers ? together(entries) : entries.map((entry) => ({ entry, times: 1 }))),
    [entries, gathers],
  )
  const firstFresh = entries[found.arrived - 1]?.leaf_index ?? Number.POSITIVE_INFINITY
  const { data: ledger } = useLedger()
  const names = useNames()
  const scroller = useRef<HTMLDivElement>(null)
  const rowHeight = rowHeights[useSyncExternalStore(onNarrow, () => narrow.matches) ? 'narrow' : 'wide']
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => shown[index]?.entry.leaf_index ?? index,
    overscan: 12,
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was measured is of the height before
  useEffect(() => rows.measure(), [rowHeight, rows])
  const drawn = rows.getVirtualItems()
  const last = drawn.at(-1)?.index ?? 0
  useEffect(() => {
    if (hasMore && last >= shown.length - 20) more()
  }, [hasMore, last, shown.length, more])
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section className="rows card" ref={scroller} aria-label={label} tabIndex={0}>
      <ol style={{ height: rows.getTotalSize() }}>
        {drawn.map(({ index, start, key }) => {
          const row = shown[index]
          if (row === undefined) return null
          const { entry, times } = row
          const words = wordsOf(entry)
          const object = objectOf(entry, words.title)
          return (
            <li
              key={key}
              style={{ transform: `translateY(${start}px)`, height: rowHeight }}
              className={entry.leaf_index >= firstFresh ? 'row fresh' : 'row'}
              aria-setsize={hasMore ? -1 : shown.length}
              aria-posinset={index + 1}
            >
              <button
                type="button"
                data-row
                data-leaf={words.leaf}
                aria-current={words.leaf === open}
                onClick={() => setQuery({ leaf: String(words.leaf) })}
              >
                <span className={`severity ${words.severity.tone}`} title={words.severity.name} />
                <span className="what">
                  <span className="only-read">{words.severity.name}: </span>
                  <b>{words.title}</b>
                  <small>
                    <Unverified why={words.unverified} />
                    {times === 1 ? null : <span>{times} times</span>}
                    {words.host === '' ? null : <span>{words.host}</span>}
                    {words.actor === '' ? null : <Actor actor={words.actor} names={names} />}
                    {object === undefined ? null : <code>{object}</code>}
                  </small>
                </span>
                <span className="when">
                  <time dateTime={words.time} title={words.time}>
                    {clockOf(words.time)}
                  </time>
                  <small>{dayOf(words.time)}</small>
                </span>
                <ProofSign state={proofNow(entry.proof, words.leaf, ledger)} />
              </button>
            </li>
          )
        })}
      </ol>
    </section>
  )
}

const proofWords = {
  durable: 'On stable storage, not signed yet',
  signed: 'Under a signed checkpoint of the tenant',
  published: 'Under the published root checkpoint',
} as const

export const ProofSign = ({ state }: { readonly state: keyof typeof proofWords }) => (
  <span className={`proof-sign ${state}`} title={proofWords[state]}>
    <Icon name="seal" size={15} />
    <span className="only-read">{proofWords[state]}</span>
  </span>
)
