// SPDX-License-Identifier: Apache-2.0

import { roleTitle } from '../../model/words.ts'
import { useAsk } from '../session.ts'

export function RolePick({ role, pick }: { readonly role: string; readonly pick: (role: string) => void }) {
  const roles = useAsk(['roles'], (door) => door.call('listRoles'))
  return (
    <div className="field">
      <label htmlFor="role">Role</label>
      <select id="role" className="input" value={role} onChange={({ target }) => pick(target.value)}>
        {(roles.data?.items ?? [{ name: role }]).map(({ name }) => (
          <option key={name} value={name}>
            {roleTitle(name)}
          </option>
        ))}
      </select>
    </div>
  )
}
