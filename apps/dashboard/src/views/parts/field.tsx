// SPDX-License-Identifier: Apache-2.0

import type { ReactNode } from 'react'
import { problemOf } from '../../door/api.ts'

/** A line to be written. What is wrong with it stands beneath it: what was seen here, else what the API answered about `of`. */
export function Field({
  id,
  label,
  value,
  set,
  children,
  wrong,
  error,
  of,
  mono = false,
  max,
  placeholder,
  among,
}: {
  readonly id: string
  readonly label: string
  readonly value: string
  readonly set: (value: string) => void
  /** What to write there. */
  readonly children?: ReactNode
  readonly wrong?: string | undefined
  readonly error?: unknown
  /** As the API names it: `body.name`. */
  readonly of?: string
  readonly mono?: boolean
  readonly max?: number
  readonly placeholder?: string
  /** What it could be; it may be something else. */
  readonly among?: readonly string[]
}) {
  const said = wrong ?? (of === undefined ? undefined : problemOf(error, of))
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className={mono ? 'input mono' : 'input'}
        value={value}
        maxLength={max}
        placeholder={placeholder}
        autoComplete="off"
        list={among === undefined ? undefined : `${id}-among`}
        spellCheck={mono ? false : undefined}
        aria-invalid={said !== undefined}
        aria-describedby={`${id}-said`}
        onChange={({ target }) => set(target.value)}
      />
      {among === undefined ? null : (
        <datalist id={`${id}-among`}>
          {among.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
      <small id={`${id}-said`} className={said === undefined ? '' : 'wrong'} aria-live="polite">
        {said ?? children}
      </small>
    </div>
  )
}

/** One of a few. */
export const Choice = ({
  id,
  label,
  value,
  pick,
  of,
  children,
}: {
  readonly id: string
  readonly label: string
  readonly value: string
  readonly pick: (value: string) => void
  /** Values, and what is said for each. */
  readonly of: readonly (readonly [value: string, text: string])[]
  readonly children?: ReactNode
}) => (
  <div className="field">
    <label htmlFor={id}>{label}</label>
    <select
      id={id}
      className="input"
      value={value}
      aria-describedby={children === undefined ? undefined : `${id}-said`}
      onChange={({ target }) => pick(target.value)}
    >
      {of.map(([one, text]) => (
        <option key={one} value={one}>
          {text}
        </option>
      ))}
    </select>
    {children === undefined ? null : <small id={`${id}-said`}>{children}</small>}
  </div>
)
