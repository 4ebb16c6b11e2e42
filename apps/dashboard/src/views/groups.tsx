// SPDX-License-Identifier: Apache-2.0

import { useState } from 'react'
import { roleTitle } from '../model/words.ts'
import { Dialog } from './parts/dialog.tsx'
import { Icon } from './parts/icon.tsx'
import { RolePick } from './parts/role-pick.tsx'
import { ProblemNote } from './parts/states.tsx'
import { useAct, useAsk, useMay } from './session.ts'

type GroupRole = { readonly group: string; readonly role: string }

/** What the provider's groups stand for here. */
export function Groups() {
  const groups = useAsk(['groups'], (door) => door.call('listGroupRoles'))
  const [isAdding, setAdding] = useState(false)
  const mayGrant = useMay()('member:grant')
  const remove = useAct((door, query: GroupRole) => door.call('removeGroupRole', { query }), {
    changes: ['groups', 'members'],
    says: ({ group }) => `${group} stands for nothing more`,
  })
  if (groups.data === undefined) return null
  return (
    <section className="groups">
      <header>
        <h2>Groups of the provider</h2>
        {mayGrant ? (
          <button type="button" className="button small" onClick={() => setAdding(true)}>
            <Icon name="plus" size={13} />
            Let a group stand for a role
          </button>
        ) : null}
      </header>
      <ProblemNote error={remove.error} />
      {groups.data.items.length === 0 ? (
        <p className="waiting">No group gives a role here.</p>
      ) : (
        <ul className="chips">
          {groups.data.items.map((one) => (
            <li className="chip" key={`${one.group} ${one.role}`}>
              <b>{one.group}</b> {roleTitle(one.role)}
              {mayGrant ? (
                <button
                  type="button"
                  aria-label={`${one.group} shall stand for ${roleTitle(one.role)} no more`}
                  disabled={remove.isPending}
                  onClick={() => remove.mutate(one)}
                >
                  <Icon name="close" size={12} />
                </button>
              ) : null}
            </li>
          ))}
        </ul>
      )}
      {isAdding ? <Add close={() => setAdding(false)} /> : null}
    </section>
  )
}

function Add({ close }: { readonly close: () => void }) {
  const [group, setGroup] = useState('')
  const [role, setRole] = useState('viewer')
  const add = useAct((door, body: GroupRole) => door.call('addGroupRole', { body }), {
    changes: ['groups'],
    says: () => `${group} stands for ${roleTitle(role)}`,
    done: close,
  })
  return (
    <Dialog
      title="A group stands for a role"
      close={close}
      submit={() => add.mutate({ group: group.trim(), role })}
      footer={
        <button type="submit" className="button first" disabled={group.trim() === '' || add.isPending}>
          Add
        </button>
      }
    >
      <div className="field">
        <label htmlFor="group">Group</label>
        <input
          id="group"
          className="input"
          value={group}
          maxLength={256}
          autoComplete="off"
          onChange={({ target }) => setGroup(target.value)}
        />
        <small>As the provider writes it in its claim. It counts from the next log-in of each of its people on.</small>
      </div>
      <RolePick role={role} pick={setRole} />
      <ProblemNote error={add.error} />
    </Dialog>
  )
}
