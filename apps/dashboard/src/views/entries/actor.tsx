// SPDX-License-Identifier: Apache-2.0

import { personOf } from '../../model/entry.ts'
import { useAsk, useMay } from '../session.ts'

export type Names = ReadonlyMap<string, string>

/** What people of this tenant are called, for whoever may see it: ledgers name them by their ids alone. */
export function useNames(): Names {
  const enabled = useMay()('member:list')
  const { data } = useAsk(['members'], (door) => door.call('listMembers'), { enabled })
  return new Map(data?.items.filter(({ name }) => name !== '').map(({ person_id, name }) => [person_id, name]))
}

export function Actor({ actor, names }: { readonly actor: string; readonly names: Names }) {
  const name = names.get(personOf(actor) ?? '')
  return (
    <>
      {name === undefined ? null : <span>{name}</span>} <code>{actor}</code>
    </>
  )
}
