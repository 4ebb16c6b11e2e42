// SPDX-License-Identifier: Apache-2.0

import type { ReactNode } from 'react'
import { Choice } from './field.tsx'

export type Named = { readonly person_id: string; readonly name: string; readonly email: string }

/** One of these people, by name. `elsewhere`: the value that stands for somebody who is not among them. */
export function PersonPick({
  people,
  person,
  pick,
  none,
  elsewhere,
  children,
}: {
  readonly people: readonly Named[]
  readonly person: string
  readonly pick: (personId: string) => void
  /** Said where there is nobody. */
  readonly none?: string
  readonly elsewhere?: readonly [value: string, text: string]
  readonly children?: ReactNode
}) {
  const named = [...new Map(people.map((one) => [one.person_id, one])).values()]
    .map((one) => [one.person_id, calledOf(one)] as const)
    .sort(([, a], [, b]) => a.localeCompare(b))
  if (named.length === 0 && elsewhere === undefined) return <p>{none}</p>
  return (
    <Choice
      id="person"
      label="Person"
      value={person}
      pick={pick}
      of={[['', 'Choose'], ...named, ...(elsewhere === undefined ? [] : [elsewhere])]}
    >
      {children}
    </Choice>
  )
}

/** Two of one name are told apart by their addresses. */
const calledOf = ({ person_id, name, email }: Named) =>
  [name, email].filter((text) => text !== '').join(', ') || person_id
