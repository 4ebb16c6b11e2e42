// SPDX-License-Identifier: Apache-2.0

import { type FormEvent, useState } from 'react'
import { browserClock } from '../../door/clock.ts'
import { setQuery } from '../../door/here.ts'
import { reasons } from '../../model/quarantine.ts'
import { type Asked, filterMembers, isNarrowed, stateOf, timeTyped } from '../../model/quarantine-query.ts'

const states = [
  ['waiting', 'Waits'],
  ['admitted', 'Came in'],
  ['all', 'All'],
] as const

/** What is asked for stands in the address: it can be handed on. */
export function Filters({ asked }: { readonly asked: Asked }) {
  const [typed, setTyped] = useState<Pick<Asked, 'key' | 'producer' | 'since' | 'until'>>(asked)
  const [wrong, setWrong] = useState<string>()
  const isChanged = (['key', 'producer', 'since', 'until'] as const).some((name) => typed[name].trim() !== asked[name])
  const apply = (event: FormEvent) => {
    event.preventDefault()
    const nowMs = browserClock.nowMs()
    const [since, until] = [typed.since, typed.until].map((text) => timeTyped(text, nowMs))
    if (since === undefined || until === undefined)
      return setWrong(
        `${(since === undefined ? typed.since : typed.until).trim()} is no time: write 2026-11-22 08:00, or 2 h`,
      )
    setWrong(undefined)
    setQuery({ key: typed.key.trim(), producer: typed.producer.trim(), since, until })
  }
  const input = (name: keyof typeof typed, label: string, placeholder: string) => (
    <label>
      <span>{label}</span>
      <input
        className="input mono"
        value={typed[name]}
        maxLength={128}
        placeholder={placeholder}
        spellCheck={false}
        autoComplete="off"
        {...(name === 'key' ? { 'data-search': true } : {})}
        aria-invalid={wrong !== undefined && (name === 'since' || name === 'until')}
        onChange={({ target }) => setTyped({ ...typed, [name]: target.value })}
      />
    </label>
  )
  return (
    <form className="sieve" onSubmit={apply} aria-label="What is shown">
      <fieldset className="tabs" aria-label="State">
        {states.map(([state, text]) => (
          <button
            type="button"
            key={state}
            aria-pressed={stateOf(asked) === state}
            onClick={() => setQuery({ state: state === 'waiting' ? undefined : state })}
          >
            {text}
          </button>
        ))}
      </fieldset>
      <label>
        <span>Reason</span>
        <select className="input" value={asked.reason} onChange={({ target }) => setQuery({ reason: target.value })}>
          <option value="">any</option>
          {reasons.map((reason) => (
            <option key={reason}>{reason}</option>
          ))}
        </select>
      </label>
      {input('key', 'Key', 'any')}
      {input('producer', 'Producer', 'any')}
      {input('since', 'Since', '2 h')}
      {input('until', 'Until', 'now')}
      {isChanged ? (
        <button type="submit" className="button small">
          Show
        </button>
      ) : (
        <button type="submit" className="only-read" tabIndex={-1}>
          Show
        </button>
      )}
      {isNarrowed(asked) ? (
        <button
          type="button"
          className="button plain small"
          onClick={() =>
            setQuery(
              Object.fromEntries(filterMembers.filter((name) => name !== 'state').map((name) => [name, undefined])),
            )
          }
        >
          Show all
        </button>
      ) : null}
      <p className="wrong" role="status">
        {wrong}
      </p>
    </form>
  )
}
