// SPDX-License-Identifier: Apache-2.0

import type { ReactNode } from 'react'

export type Column<T> = {
  readonly name: string
  readonly of: (row: T) => ReactNode
  /** Numbers stand under each other. */
  readonly isNumber?: boolean
}

/**
 * Rows in a card: where columns have no room, each stands by itself, its cells under one another beside their names.
 * `tight`: within something else, and as wide as it is.
 */
export function Table<T>({
  columns,
  rows,
  keyOf,
  acts,
  empty,
  tight = false,
}: {
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly keyOf: (row: T) => string
  /** What can be done with a row. */
  readonly acts?: (row: T) => ReactNode
  /** Instead of no rows. */
  readonly empty?: ReactNode
  readonly tight?: boolean
}) {
  if (rows.length === 0 && empty !== undefined) return empty
  const table = (
    <table className={tight ? 'table tight' : 'table folds'}>
      <thead>
        <tr>
          {columns.map(({ name, isNumber }) => (
            <th scope="col" key={name} className={isNumber ? 'number' : undefined}>
              {name}
            </th>
          ))}
          {acts === undefined ? null : (
            <th scope="col">
              <span className="only-read">Acts</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map(({ name, of, isNumber }) => (
              <td key={name} data-of={name} className={isNumber ? 'number' : undefined}>
                <div>{of(row)}</div>
              </td>
            ))}
            {acts === undefined ? null : (
              <td className="acts">
                <div>{acts(row)}</div>
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  )
  return tight ? table : <div className="card">{table}</div>
}
