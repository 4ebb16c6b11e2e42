// SPDX-License-Identifier: Apache-2.0

import { roleTitle } from '../../model/words.ts'
import { useAsk } from '../session.ts'
import { Choice } from './field.tsx'

export function RolePick({ role, pick }: { readonly role: string; readonly pick: (role: string) => void }) {
  const roles = useAsk(['roles'], (door) => door.call('listRoles'))
  const names = roles.data?.items.map(({ name }) => name) ?? [role]
  return <Choice id="role" label="Role" value={role} pick={pick} of={names.map((name) => [name, roleTitle(name)])} />
}
