// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { useState } from 'react'
import { roleTitle } from '../model/words.ts'
import { Dialog } from './parts/dialog.tsx'
import { Page } from './parts/page.tsx'
import { Asked, Empty, ProblemNote } from './parts/states.tsx'
import { Time } from './parts/time.tsx'
import { useAct, useAsk, useMay, useSession } from './session.ts'

type Person = Operations['listPeople']['answer']['items'][number]
type Change = 'disable' | 'enable' | 'sign-out' | 'erase'
const shownMax = 200

/** Everybody in the deployment, whatever their tenants. */
export function Accounts() {
  const people = useAsk(['accounts'], (door) => door.call('listPeople', { query: { limit: shownMax } }))
  const [asked, setAsked] = useState<{ readonly person: Person; readonly change: Change }>()
  return (
    <Page
      title="Accounts"
      about="Everybody who has signed in to this deployment, and what they hold in any tenant. Whoever is disabled is signed out everywhere at once."
    >
      <Asked of={people}>
        {({ items, next }) =>
          items.length === 0 ? (
            <Empty icon="accounts" title="Nobody has signed in yet" />
          ) : (
            <>
              <div className="card">
                <table className="table folds">
                  <thead>
                    <tr>
                      {['Person', 'Roles', 'Last signed in', 'Known since'].map((name) => (
                        <th scope="col" key={name}>
                          {name}
                        </th>
                      ))}
                      <th scope="col">
                        <span className="only-read">Acts</span>
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {items.map((person) => (
                      <Row key={person.person_id} person={person} change={(change) => setAsked({ person, change })} />
                    ))}
                  </tbody>
                </table>
              </div>
              {next === null ? null : <p className="waiting">These are the first {shownMax}; the API has them all.</p>}
            </>
          )
        }
      </Asked>
      {asked === undefined ? null : <Confirm {...asked} close={() => setAsked(undefined)} />}
    </Page>
  )
}

function Row({ person, change }: { readonly person: Person; readonly change: (change: Change) => void }) {
  const { view } = useSession()
  const may = useMay()
  const name = nameOf(person)
  const isMe = person.person_id === view.person?.person_id
  const turn = person.disabled_at === null ? 'disable' : 'enable'
  return (
    <tr>
      <td data-of="Person">
        <span>
          <b>{name}</b>
          {isMe ? ' (you)' : ''}
          <br />
          <small>{person.email === '' || name === person.person_id ? person.person_id : person.email}</small>
        </span>
      </td>
      <td data-of="Roles">
        <span className="chips">
          {person.grants.map(({ tenant, role }) => (
            <span className="chip" key={`${tenant} ${role}`}>
              <b>{tenant}</b> {roleTitle(role)}
            </span>
          ))}
          {person.grants.length === 0 ? <small>none</small> : null}
        </span>
      </td>
      <td data-of="Last signed in">
        {person.disabled_at !== null ? (
          <span className="chip bad">
            disabled <Time at={person.disabled_at} />
          </span>
        ) : person.last_login_at === null ? (
          <small>never</small>
        ) : (
          <Time at={person.last_login_at} />
        )}
      </td>
      <td data-of="Known since">
        <Time at={person.created_at} />
      </td>
      <td className="acts">
        {isMe ? null : (
          <span className="chips">
            {may('person:disable') ? (
              <button
                type="button"
                className={turn === 'disable' ? 'button small bad' : 'button small'}
                aria-label={`${said[turn].verb} ${name}`}
                onClick={() => change(turn)}
              >
                {said[turn].verb}
              </button>
            ) : null}
            {may('person:sign-out') && person.disabled_at === null ? (
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
        )}
      </td>
    </tr>
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
