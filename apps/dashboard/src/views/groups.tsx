// SPDX-License-Identifier: Apache-2.0

import { useState } from 'react'
import { roleTitle } from '../model/words.ts'
import { Dialog } from './parts/dialog.tsx'
import { Choice, Field } from './parts/field.tsx'
import { Icon } from './parts/icon.tsx'
import { ProblemNote } from './parts/states.tsx'
import { everyItem, useAct, useAsk, useMay, useSession } from './session.ts'

type GroupRole = { readonly tenant: string; readonly group: string; readonly role: string }
const standing = ['viewer', 'auditor', 'responder', 'tenant_admin', 'cluster_admin']

/** What the provider's groups stand for here; in the deployment, in every tenant. */
export function Groups() {
  const groups = useAsk(['groups'], (door) => door.call('listGroupRoles'))
  const [isAdding, setAdding] = useState(false)
  const { tenant } = useSession().view
  const mayMap = useMay()('group:map')
  const remove = useAct(
    (door, { tenant: tenant_name, ...query }: GroupRole) =>
      door.call('removeGroupRole', { params: { tenant_name }, query }),
    { changes: ['groups', 'members'], says: (one) => `${one.group} stands for nothing more in ${one.tenant}` },
  )
  if (groups.data === undefined) return null
  return (
    <section className="groups">
      <header>
        <h2>Groups of the provider</h2>
        {mayMap ? (
          <button type="button" className="button small" onClick={() => setAdding(true)}>
            <Icon name="plus" size={13} />
            Let a group stand for a role
          </button>
        ) : null}
      </header>
      <ProblemNote error={remove.error} />
      {groups.data.items.length === 0 ? (
        <p className="waiting">No group gives a role here. An admin of the deployment lets one.</p>
      ) : (
        <ul className="chips">
          {groups.data.items.map((one) => (
            <li className="chip" key={`${one.tenant} ${one.group} ${one.role}`}>
              <b>{one.group}</b> {roleTitle(one.role)}
              {one.tenant === tenant ? null : ` in ${one.tenant}`}
              {mayMap ? (
                <button
                  type="button"
                  aria-label={`${one.group} shall stand for ${roleTitle(one.role)} in ${one.tenant} no more`}
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
  const [tenant, setTenant] = useState('default')
  const tenants = useAsk(['tenants', 'names'], async (door) =>
    (await everyItem((from) => door.call('listTenants', { query: from }))).map(({ name }) => name),
  )
  const add = useAct(
    (door, { tenant: tenant_name, ...body }: GroupRole) => door.call('addGroupRole', { params: { tenant_name }, body }),
    { changes: ['groups'], says: () => `${group} stands for ${roleTitle(role)} in ${tenant}`, done: close },
  )
  return (
    <Dialog
      title="A group stands for a role"
      close={close}
      submit={() => add.mutate({ tenant, group: group.trim(), role: role.trim() })}
      footer={
        <button
          type="submit"
          className="button first"
          disabled={group.trim() === '' || role.trim() === '' || add.isPending}
        >
          Add
        </button>
      }
    >
      <Field id="group" label="Group" value={group} set={setGroup} error={add.error} of="body.group" max={256}>
        As the provider writes it in its claim. It counts from the next log-in of each of its people on.
      </Field>
      <Choice
        id="of"
        label="Tenant"
        value={tenant}
        pick={setTenant}
        of={(tenants.data ?? [tenant]).map((name) => [name, name])}
      />
      <Field
        id="role"
        label="Role"
        value={role}
        set={setRole}
        error={add.error}
        of="body.role"
        max={40}
        among={standing}
      >
        Or custom/NAME, of one that the tenant made.
      </Field>
      <ProblemNote error={add.error} told={['body.group', 'body.role']} />
    </Dialog>
  )
}
