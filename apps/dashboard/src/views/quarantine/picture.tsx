// SPDX-License-Identifier: Apache-2.0
// What waits, to be looked at: whatever is pressed narrows the list below to it.

import { type KeyboardEvent, useState } from 'react'
import { setQuery } from '../../door/here.ts'
import { columnsOf } from '../../model/columns.ts'
import { type Picture as Drawn, producerName, reasons, reasonWords, rowsIn } from '../../model/quarantine.ts'
import { type Asked, endOf } from '../../model/quarantine-query.ts'
import { absolute, counted, several } from '../../model/words.ts'
import { useNow } from '../parts/time.tsx'
import { Stack } from './reason.tsx'
import { useHostNames } from './use-quarantine.ts'

export function Picture({ of, asked }: { readonly of: Drawn; readonly asked: Asked }) {
  const hosts = useHostNames()
  const rows = rowsIn(of.rows)
  return (
    <section className="card picture" aria-label="What waits">
      <header>
        <p className="would">
          {several(rows, 'row waits', 'rows wait')}
          <small>
            in {several(of.items, 'item')} of{' '}
            {several(of.producers.groups.length + of.producers.others.names, 'producer')}
          </small>
        </p>
        <ul className="legend" aria-label="By reason">
          {reasons.map((reason) => (
            <li key={reason}>
              <button
                type="button"
                aria-pressed={asked.reason === reason}
                disabled={of.rows[reason] === 0 && asked.reason !== reason}
                title={reasonWords[reason].means}
                onClick={() => setQuery({ reason: asked.reason === reason ? undefined : reason })}
              >
                <span className={`swatch ${reason}`} />
                <code>{reason}</code> <b>{counted(of.rows[reason])}</b>
              </button>
            </li>
          ))}
        </ul>
      </header>
      <OverTime of={of} />
      <div className="shares">
        <Shares
          title="By producer"
          of={of.producers}
          chosen={asked.producer}
          nameOf={(name) => producerName(name ?? '', hosts)}
          choose={(producer) => setQuery({ producer })}
        />
        <Shares
          title="By key"
          of={of.keys}
          chosen={asked.key}
          nameOf={(name) => name ?? 'none named'}
          choose={(key) => setQuery({ key })}
        />
      </div>
    </section>
  )
}

const minute = 60_000

function OverTime({ of }: { readonly of: Drawn }) {
  // Columns stand still for a minute.
  const nowMs = Math.floor(useNow() / minute) * minute
  const { columns, seconds, most } = columnsOf(of, nowMs)
  const [at, setAt] = useState(columns.length - 1)
  const focused = Math.min(at, columns.length - 1)
  const step = (event: KeyboardEvent<HTMLElement>) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (by === 0) return
    event.preventDefault()
    const next = Math.max(0, Math.min(columns.length - 1, focused + by))
    setAt(next)
    event.currentTarget.querySelectorAll('button')[next]?.focus()
  }
  return (
    <figure className="over-time">
      <ol aria-label="Rows that came and wait, over time" onKeyDown={step}>
        {columns.map(({ at: from, rows, total }, i) => (
          <li key={from}>
            <button
              type="button"
              tabIndex={i === focused ? 0 : -1}
              title={`${span(from, seconds)}: ${several(total, 'row')}`}
              aria-label={`${span(from, seconds)}: ${several(total, 'row')}`}
              disabled={total === 0 && i !== focused}
              onFocus={() => setAt(i)}
              onClick={() => setQuery({ since: from, until: endOf(from, seconds) })}
            >
              <span className="stack" style={{ height: `${most === 0 ? 0 : (total / most) * 100}%` }}>
                <Stack rows={rows} />
              </span>
            </button>
          </li>
        ))}
      </ol>
      <figcaption>
        <small>{absolute(Date.parse(columns[0]?.at ?? ''))}</small>
        <small>
          {counted(most)} at most in {several(seconds / 60, 'minute')}
        </small>
        <small>now</small>
      </figcaption>
    </figure>
  )
}

const span = (from: string, seconds: number) =>
  `${absolute(Date.parse(from)).slice(0, 16)} to ${absolute(Date.parse(endOf(from, seconds))).slice(11, 16)} UTC`

const sharesMax = 6

function Shares({
  title,
  of: { groups, others },
  chosen,
  nameOf,
  choose,
}: {
  readonly title: string
  readonly of: Drawn['producers']
  readonly chosen: string
  readonly nameOf: (name: string | null) => string
  /** Undefined: whichever. */
  readonly choose: (name: string | undefined) => void
}) {
  const most = Math.max(1, ...groups.map(({ rows }) => rowsIn(rows)))
  const told = groups.slice(0, sharesMax)
  const more = groups.length - told.length + others.names
  return (
    <div>
      <h2>{title}</h2>
      <ul className="share">
        {told.map(({ name, rows }) => (
          <li key={name ?? ''}>
            <button
              type="button"
              disabled={name === null}
              aria-pressed={name === chosen}
              onClick={() => choose(name === chosen ? undefined : (name ?? undefined))}
            >
              <span className="name">{nameOf(name)}</span>
              <b>{counted(rowsIn(rows))}</b>
              <span className="bar">
                <span className="stack" style={{ width: `${(rowsIn(rows) / most) * 100}%` }}>
                  <Stack rows={rows} />
                </span>
              </span>
            </button>
          </li>
        ))}
      </ul>
      {more === 0 ? null : <small>and {several(more, 'more', 'more')}</small>}
    </div>
  )
}
