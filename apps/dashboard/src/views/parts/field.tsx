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
        spellCheck={mono ? false : undefined}
        aria-invalid={said !== undefined}
        aria-describedby={`${id}-said`}
        onChange={({ target }) => set(target.value)}
      />
      <small id={`${id}-said`} className={said === undefined ? '' : 'wrong'} aria-live="polite">
        {said ?? children}
      </small>
    </div>
  )
}
