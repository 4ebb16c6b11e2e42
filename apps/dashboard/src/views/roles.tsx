// SPDX-License-Identifier: Apache-2.0

import { roleName } from '@sealwatch/contract/name-form'
import { Fragment, useState } from 'react'
import { nameProblem } from '../model/name-problem.ts'
import { byNoun, roleTitle, several, verbOf } from '../model/words.ts'
import { Actions } from './parts/actions.tsx'
import { Dialog } from './parts/dialog.tsx'
import { Field } from './parts/field.tsx'
import { Icon } from './parts/icon.tsx'
import { Page } from './parts/page.tsx'
import { Asked, ProblemNote } from './parts/states.tsx'
import { useAct, useAsk, useMay } from './session.ts'

type Role = { readonly name: string; readonly custom: boolean; readonly actions: readonly string[] }

export function Roles() {
  const roles = useAsk(['roles'], (door) => door.call('listRoles'))
  const [edited, setEdited] = useState<Role>()
  const mayWrite = useMay()('role:write')
  return (
    <Page
      title="Roles"
      about="What each role may do in this tenant. Standing roles are the same everywhere; custom ones are the tenant’s own."
      acts={
        mayWrite ? (
          <button
            type="button"
            className="button first"
            disabled={roles.data === undefined}
            onClick={() => setEdited({ name: '', custom: true, actions: [] })}
          >
            <Icon name="plus" size={14} />
            New role
          </button>
        ) : undefined
      }
    >
      <Asked of={roles} rows={12}>
        {({ items, grantable_actions: all }) => (
          <>
            <p className="sideways">
              <Icon name="sideways" size={14} />
              {several(items.length, 'role')} side by side: the table scrolls
            </p>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
            <section className="card scroll" tabIndex={0} aria-label="Roles and what they may">
              <Matrix roles={items} all={all} edit={mayWrite ? setEdited : undefined} />
            </section>
          </>
        )}
      </Asked>
      {edited === undefined || roles.data === undefined ? null : (
        <EditRole role={edited} all={roles.data.grantable_actions} close={() => setEdited(undefined)} />
      )}
    </Page>
  )
}

const Matrix = ({
  roles,
  all,
  edit,
}: {
  readonly roles: readonly Role[]
  readonly all: readonly string[]
  readonly edit: ((role: Role) => void) | undefined
}) => (
  <table className="matrix">
    <thead>
      <tr>
        <th scope="col" colSpan={2}>
          <span className="only-read">Action</span>
        </th>
        {roles.map((role) => (
          <th scope="col" key={role.name}>
            {role.custom && edit !== undefined ? (
              <button type="button" className="button small" onClick={() => edit(role)}>
                {roleTitle(role.name)}
              </button>
            ) : (
              roleTitle(role.name)
            )}
          </th>
        ))}
      </tr>
    </thead>
    <tbody>
      {byNoun(all).map(({ noun, actions }) => (
        <Fragment key={noun}>
          {actions.map((action, index) => (
            <tr key={action} className={index === 0 ? 'noun' : ''}>
              {index === 0 ? (
                <th scope="rowgroup" rowSpan={actions.length}>
                  {noun}
                </th>
              ) : null}
              <th scope="row">{verbOf(action)}</th>
              {roles.map((role) => (
                <td key={role.name}>
                  <span className={role.actions.includes(action) ? 'dot' : 'dot none'} />
                  <span className="only-read">{role.actions.includes(action) ? 'may' : 'may not'}</span>
                </td>
              ))}
            </tr>
          ))}
        </Fragment>
      ))}
    </tbody>
  </table>
)

function EditRole({
  role,
  all,
  close,
}: {
  readonly role: Role
  readonly all: readonly string[]
  readonly close: () => void
}) {
  const isNew = role.name === ''
  const [name, setName] = useState(roleTitle(role.name))
  const [picked, pick] = useState<ReadonlySet<string>>(new Set(role.actions))
  const put = useAct(
    (door, actions: readonly string[]) => door.call('putRole', { params: { name }, body: { actions } }),
    { changes: ['roles'], says: () => `Role ${name} saved`, done: close },
  )
  const remove = useAct((door, of: string) => door.call('removeRole', { params: { name: of } }), {
    changes: ['roles'],
    says: () => `Role ${name} removed`,
    done: close,
  })
  const wrong = nameProblem(roleName, name)
  return (
    <Dialog
      title={isNew ? 'New role' : `Role ${name}`}
      wide
      close={close}
      submit={() => put.mutate([...picked])}
      footer={
        <>
          {isNew ? null : (
            <button
              type="button"
              className="button bad"
              disabled={remove.isPending}
              onClick={() => remove.mutate(name)}
            >
              Remove
            </button>
          )}
          <button
            type="submit"
            className="button first"
            disabled={name === '' || wrong !== undefined || picked.size === 0 || put.isPending}
          >
            Save, with {several(picked.size, 'action')}
          </button>
        </>
      }
    >
      {isNew ? (
        <Field
          id="role-name"
          label="Name"
          value={name}
          set={setName}
          wrong={wrong}
          error={put.error}
          of="params.name"
          mono
          placeholder="on-call"
        >
          Lower-case letters, digits, hyphens and underscores, beginning with a letter
        </Field>
      ) : null}
      <Actions all={all} picked={picked} pick={pick} />
      <ProblemNote error={put.error ?? remove.error} told={['params.name']} />
    </Dialog>
  )
}
