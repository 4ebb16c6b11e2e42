// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { useState } from 'react'
import { roleTitle } from '../model/words.ts'
import { Dialog } from './parts/dialog.tsx'
import { More } from './parts/more.tsx'
import { Page } from './parts/page.tsx'
import { Asked, Empty, ProblemNote } from './parts/states.tsx'
import { type Column, Table } from './parts/table.tsx'
import { Time } from './parts/time.tsx'
import { useAct, useAskPages, useMay, useSession } from './session.ts'

type Person = Operations['listPeople']['answer']['items'][number]
type Change = 'disable' | 'enable' | 'sign-out' | 'erase'
const pageSize = 100

/** Everybody in the deployment, whatever their tenants. */
export function Accounts() {
  const people = useAskPages(['accounts'], (door, from) =>
    door.call('listPeople', { query: { limit: pageSize, ...from } }),
  )
  const [asked, setAsked] = useState<{ readonly person: Person; readonly change: Change }>()
  return (
    <Page
      title="Accounts"
      about="Everybody who has signed in to this deployment, and what they hold in any tenant. Whoever is disabled is signed out everywhere at once."
    >
      <Asked of={people}>
        {({ items }) => (
          <Table
            rows={items}
            keyOf={({ person_id }) => person_id}
            columns={columns}
            acts={(person) => <Acts person={person} change={(change) => setAsked({ person, change })} />}
            empty={<Empty icon="accounts" title="Nobody has signed in yet" />}
          />
        )}
      </Asked>
      <More of={people} />
      {asked === undefined ? null : <Confirm {...asked} close={() => setAsked(undefined)} />}
    </Page>
  )
}

const columns: readonly Column<Person>[] = [
  { name: 'Person', of: (person) => <Who person={person} /> },
  {
    name: 'Roles',
    of: ({ grants }) => (
      <span className="chips">
        {grants.map(({ tenant, role }) => (
          <span className="chip" key={`${tenant} ${role}`}>
            <b>{tenant}</b> {roleTitle(role)}
          </span>
        ))}
        {grants.length === 0 ? <small>none</small> : null}
      </span>
    ),
  },
  {
    name: 'Last signed in',
    of: ({ disabled_at, last_login_at }) =>
      disabled_at !== null ? (
        <span className="chip bad">
          disabled <Time at={disabled_at} />
        </span>
      ) : last_login_at === null ? (
        <small>never</small>
      ) : (
        <Time at={last_login_at} />
      ),
  },
  { name: 'Known since', of: ({ created_at }) => <Time at={created_at} /> },
]

function Who({ person }: { readonly person: Person }) {
  const isMe = useIsMe(person)
  const name = nameOf(person)
  return (
    <>
      <b>{name}</b>
      {isMe ? ' (you)' : ''}
      <small>{person.email === '' || name === person.person_id ? person.person_id : person.email}</small>
    </>
  )
}

const useIsMe = ({ person_id }: Person) => person_id === useSession().view.person?.person_id

function Acts({ person, change }: { readonly person: Person; readonly change: (change: Change) => void }) {
  const may = useMay()
  const name = nameOf(person)
  const isDisabled = person.disabled_at !== null
  const turn = isDisabled ? 'enable' : 'disable'
  if (useIsMe(person)) return null
  return (
    <span className="chips">
      {may('person:disable') ? (
        <button
          type="button"
          className={isDisabled ? 'button small' : 'button small bad'}
          aria-label={`${said[turn].verb} ${name}`}
          onClick={() => change(turn)}
        >
          {said[turn].verb}
        </button>
      ) : null}
      {may('person:sign-out') && !isDisabled ? (
        <button
          type="button"
          className="button small"
          aria-label={`${said['sign-out'].verb}: ${name}`}
          onClick={() => change('sign-out')}
        >
          {said['sign-out'].verb}
        </button>
      ) : null}
      {may('person:erase') ? (
        <button
          type="button"
          className="button small bad"
          aria-label={`Forget ${name}`}
          onClick={() => change('erase')}
        >
          Forget
        </button>
      ) : null}
    </span>
  )
}

const nameOf = ({ name, email, person_id }: Person) => [name, email, person_id].find((text) => text !== '') ?? person_id

const said = {
  disable: {
    verb: 'Disable',
    done: 'disabled',
    about: 'Every session of theirs ends at once, and they cannot sign in until somebody enables them again.',
  },
  enable: { verb: 'Enable', done: 'enabled', about: 'They can sign in again, with the roles that they hold.' },
  'sign-out': {
    verb: 'Sign out everywhere',
    done: 'signed out everywhere',
    about: 'Every session of theirs ends at once. They can sign in again, with the roles that they hold.',
  },
  erase: {
    verb: 'Forget',
    done: 'forgotten',
    about:
      'Name, address and roles are removed, and every session ends. The ledgers keep an id that is nobody’s then. It cannot be taken back.',
  },
} as const

function Confirm({
  person,
  change,
  close,
}: {
  readonly person: Person
  readonly change: Change
  readonly close: () => void
}) {
  const { person_id } = person
  const { verb, done, about } = said[change]
  const name = nameOf(person)
  const act = useAct(
    (door, to: Change) => {
      if (to === 'erase') return door.call('erasePerson', { params: { person_id } })
      if (to === 'sign-out') return door.call('signOutPerson', { params: { person_id } })
      return door.call('changePerson', { params: { person_id }, body: { disabled: to === 'disable' } })
    },
    { changes: ['accounts', 'members'], says: () => `${name} is ${done}`, done: close },
  )
  return (
    <Dialog
      title={change === 'sign-out' ? `Sign ${name} out everywhere` : `${verb} ${name}`}
      close={close}
      submit={() => act.mutate(change)}
      footer={
        <>
          <button type="button" className="button" onClick={close}>
            Leave it
          </button>
          <button
            type="submit"
            className={change === 'enable' ? 'button first' : 'button bad'}
            disabled={act.isPending}
          >
            {verb}
          </button>
        </>
      }
    >
      <p>{about}</p>
      <ProblemNote error={act.error} />
    </Dialog>
  )
}
