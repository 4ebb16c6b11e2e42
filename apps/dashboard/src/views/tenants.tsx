// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { slugName } from '@sealwatch/contract/name-form'
import { useState } from 'react'
import { nameProblem } from '../model/name-problem.ts'
import { Appoint } from './appoint.tsx'
import { Dialog } from './parts/dialog.tsx'
import { Field } from './parts/field.tsx'
import { Icon } from './parts/icon.tsx'
import { More } from './parts/more.tsx'
import { Page } from './parts/page.tsx'
import { Asked, ProblemNote } from './parts/states.tsx'
import { type Column, Table } from './parts/table.tsx'
import { Time } from './parts/time.tsx'
import { useAct, useAskPages, useMay } from './session.ts'

type Tenant = Operations['listTenants']['answer']['items'][number]
const pageSize = 100
const tones = { active: 'good', suspended: 'warn', erasing: 'bad', erased: 'bad' } as const

export function Tenants() {
  const tenants = useAskPages(['tenants'], (door, from) =>
    door.call('listTenants', { query: { limit: pageSize, ...from } }),
  )
  const [edited, setEdited] = useState<Tenant | 'new'>()
  const [appointed, setAppointed] = useState<string>()
  const may = useMay()
  const turn = useAct(
    (door, { name, state }: Tenant) =>
      door.call(state === 'active' ? 'suspendTenant' : 'resumeTenant', { params: { tenant_name: name } }),
    { changes: ['tenants'], says: ({ name, state }) => `${name} ${state === 'active' ? 'suspended' : 'goes on'}` },
  )
  return (
    <Page
      title="Tenants"
      about="Each has a ledger, keys, hosts and people of its own. Whoever administers the cluster does not read their events."
      acts={
        may('tenant:create') ? (
          <button type="button" className="button first" onClick={() => setEdited('new')}>
            <Icon name="plus" size={14} />
            New tenant
          </button>
        ) : undefined
      }
    >
      <ProblemNote error={turn.error} />
      <Asked of={tenants}>
        {({ items }) => (
          <Table
            rows={items}
            keyOf={({ name }) => name}
            columns={columns}
            acts={(tenant) =>
              tenant.state !== 'active' && tenant.state !== 'suspended' ? null : (
                <span className="chips">
                  {tenant.has_admin || !may('tenant:appoint') ? null : (
                    <button
                      type="button"
                      className="button small"
                      aria-label={`Appoint an admin of ${tenant.name}`}
                      onClick={() => setAppointed(tenant.name)}
                    >
                      Appoint
                    </button>
                  )}
                  {may('tenant:rename') ? (
                    <button
                      type="button"
                      className="button small"
                      aria-label={`Change ${tenant.name}`}
                      onClick={() => setEdited(tenant)}
                    >
                      Change
                    </button>
                  ) : null}
                  {['default', 'cluster'].includes(tenant.name) || !may('tenant:suspend') ? null : (
                    <button
                      type="button"
                      className={tenant.state === 'active' ? 'button small bad' : 'button small'}
                      aria-label={`${tenant.state === 'active' ? 'Suspend' : 'Resume'} ${tenant.name}`}
                      disabled={turn.isPending}
                      onClick={() => turn.mutate(tenant)}
                    >
                      {tenant.state === 'active' ? 'Suspend' : 'Resume'}
                    </button>
                  )}
                </span>
              )
            }
          />
        )}
      </Asked>
      <More of={tenants} />
      {edited === undefined ? null : <Edit tenant={edited} close={() => setEdited(undefined)} />}
      {appointed === undefined ? null : <Appoint tenant={appointed} close={() => setAppointed(undefined)} />}
    </Page>
  )
}

const columns: readonly Column<Tenant>[] = [
  {
    name: 'Tenant',
    of: ({ name, title }) => (
      <>
        <b>{title}</b>
        {title === name ? null : (
          <small>
            <code>{name}</code>
          </small>
        )}
      </>
    ),
  },
  {
    name: 'State',
    of: ({ state, has_admin }) => (
      <span className="chips">
        <span className={`chip ${tones[state]}`}>{state}</span>
        {has_admin || tones[state] === 'bad' ? null : <span className="chip warn">no admin yet</span>}
      </span>
    ),
  },
  { name: 'Lines a second', of: ({ lines_per_second }) => lines_per_second ?? <small>as the server is set</small> },
  { name: 'Since', of: ({ created_at }) => <Time at={created_at} /> },
]

function Edit({ tenant, close }: { readonly tenant: Tenant | 'new'; readonly close: () => void }) {
  const isNew = tenant === 'new'
  const [name, setName] = useState(isNew ? '' : tenant.name)
  const [title, setTitle] = useState(isNew ? '' : tenant.title)
  const wrong = isNew ? nameProblem(slugName, name) : undefined
  const save = useAct(
    (door, to: string) =>
      isNew
        ? door.call('createTenant', { body: { name, ...(to === '' ? {} : { title: to }) } })
        : door.call('renameTenant', { params: { tenant_name: name }, body: { title: to } }),
    {
      changes: ['tenants'],
      says: () => (isNew ? `${name} created` : `${name} renamed`),
      ...(isNew ? {} : { done: close }),
    },
  )
  if (isNew && save.data !== undefined) return <Appoint tenant={name} close={close} isNew />
  return (
    <Dialog
      title={isNew ? 'New tenant' : `Tenant ${name}`}
      close={close}
      submit={() => save.mutate(title.trim())}
      footer={
        <button
          type="submit"
          className="button first"
          disabled={save.isPending || name === '' || wrong !== undefined || (!isNew && title.trim() === '')}
        >
          {isNew ? 'Create' : 'Save'}
        </button>
      }
    >
      {isNew ? (
        <Field
          id="tenant-name"
          label="Name"
          value={name}
          set={setName}
          wrong={wrong}
          error={save.error}
          of="body.name"
          mono
        >
          Lower-case letters, digits and hyphens. It never changes, and is given once.
        </Field>
      ) : null}
      <Field
        id="tenant-title"
        label="Title"
        value={title}
        set={setTitle}
        error={save.error}
        of="body.title"
        max={100}
        placeholder={name}
      >
        What people call it.
      </Field>
      <ProblemNote error={save.error} told={['body.name', 'body.title']} />
    </Dialog>
  )
}
