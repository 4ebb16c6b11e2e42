// SPDX-License-Identifier: Apache-2.0

import { useState } from 'react'
import { roleTitle } from '../model/words.ts'
import { Groups } from './groups.tsx'
import { Invitations } from './invitations.tsx'
import { Secret } from './parts/copy.tsx'
import { Dialog } from './parts/dialog.tsx'
import { Field } from './parts/field.tsx'
import { Icon } from './parts/icon.tsx'
import { Page } from './parts/page.tsx'
import { type Named, PersonPick } from './parts/person-pick.tsx'
import { RolePick } from './parts/role-pick.tsx'
import { Asked, Empty, ProblemNote } from './parts/states.tsx'
import { Table } from './parts/table.tsx'
import { Time } from './parts/time.tsx'
import { everyItem, useAct, useAsk, useMay, useSession } from './session.ts'

type Grant = { readonly person_id: string; readonly role: string }

export function People() {
  const { view } = useSession()
  const may = useMay()
  const members = useAsk(['members'], (door) => door.call('listMembers'))
  const [adding, setAdding] = useState<'invitation' | 'grant'>()
  const take = useAct((door, of: Grant) => door.call('takeRole', { params: of }), {
    changes: ['members'],
    says: ({ role }) => `${roleTitle(role)} taken`,
  })
  return (
    <Page
      title="People"
      about="Who holds which role in this tenant. What is granted or taken counts at once, in every open session."
      acts={
        <>
          {may('member:grant') ? (
            <button type="button" className="button" onClick={() => setAdding('grant')}>
              Grant a role
            </button>
          ) : null}
          {may('member:invite') ? (
            <button type="button" className="button first" onClick={() => setAdding('invitation')}>
              <Icon name="plus" size={14} />
              Invite
            </button>
          ) : null}
        </>
      }
    >
      <ProblemNote error={take.error} />
      <Asked of={members}>
        {({ items }) => (
          <Table
            rows={items}
            keyOf={({ person_id, role }) => `${person_id} ${role}`}
            columns={[
              {
                name: 'Person',
                of: ({ person_id, name, email }) => (
                  <>
                    <b>{name === '' ? person_id : name}</b>
                    {person_id === view.person?.person_id ? ' (you)' : ''}
                    <small>{email === '' ? person_id : email}</small>
                  </>
                ),
              },
              {
                name: 'Role',
                of: ({ role }) => (
                  <span className={`chip ${role.startsWith('custom/') ? 'gold' : 'accent'}`}>{roleTitle(role)}</span>
                ),
              },
              { name: 'Granted', of: ({ granted_at }) => <Time at={granted_at} /> },
              { name: 'By', of: ({ granted_by }) => <code>{granted_by}</code> },
            ]}
            acts={({ person_id, role }) =>
              may('member:grant') ? (
                <button
                  type="button"
                  className="button small bad"
                  disabled={take.isPending}
                  aria-label={`Take ${roleTitle(role)} from ${person_id}`}
                  onClick={() => take.mutate({ person_id, role })}
                >
                  Take
                </button>
              ) : null
            }
            empty={
              <Empty icon="people" title="Nobody holds a role here yet">
                <p>Invite somebody: they get a link that works once, and sign in with the provider.</p>
              </Empty>
            }
          />
        )}
      </Asked>
      <Invitations />
      <Groups />
      {adding === 'invitation' ? <Invite close={() => setAdding(undefined)} /> : null}
      {adding === 'grant' ? <GrantRole close={() => setAdding(undefined)} /> : null}
    </Page>
  )
}

function Invite({ close }: { readonly close: () => void }) {
  const [name, setName] = useState('')
  const [role, setRole] = useState('viewer')
  const invite = useAct((door, body: { name: string; role: string }) => door.call('invitePerson', { body }), {
    changes: ['invitations'],
    says: () => 'Invited',
  })
  const { data } = invite
  return (
    <Dialog
      title="Invite a person"
      close={close}
      {...(data === undefined ? { submit: () => invite.mutate({ name, role }) } : {})}
      footer={
        data === undefined ? (
          <button type="submit" className="button first" disabled={name.trim() === '' || invite.isPending}>
            Make the link
          </button>
        ) : (
          <button type="button" className="button" onClick={close}>
            Done
          </button>
        )
      }
    >
      {data === undefined ? (
        <>
          <Field id="called" label="Name" value={name} set={setName} error={invite.error} of="body.name" max={256}>
            For you to tell links apart. What they are called comes from the provider.
          </Field>
          <RolePick role={role} pick={setRole} />
          <ProblemNote error={invite.error} told={['body.name']} />
        </>
      ) : (
        <>
          <Secret text={data.url} label="Copy the link">
            This link works once, and is shown this once. Send it by a way that only they can read.
          </Secret>
          <small>
            It ends <Time at={data.expires_at} />.
          </small>
        </>
      )}
    </Dialog>
  )
}

const elsewhere = ['elsewhere', 'Somebody else, by their id'] as const
const pageSize = 500

function GrantRole({ close }: { readonly close: () => void }) {
  const may = useMay()
  const [picked, setPicked] = useState('')
  const [typed, setTyped] = useState('')
  const [role, setRole] = useState('viewer')
  const person = picked === elsewhere[0] ? typed.trim() : picked
  const people = useAsk(
    may('person:list') ? ['accounts', 'all'] : ['members', 'named'],
    async (door): Promise<readonly Named[]> =>
      may('person:list')
        ? everyItem((from) => door.call('listPeople', { query: { limit: pageSize, ...from } }))
        : (await door.call('listMembers')).items,
  )
  const grant = useAct((door, of: Grant) => door.call('grantRole', { params: of }), {
    changes: ['members'],
    says: ({ role: granted }) => `${roleTitle(granted)} granted`,
    done: close,
  })
  return (
    <Dialog
      title="Grant a role"
      close={close}
      submit={() => grant.mutate({ person_id: person, role })}
      footer={
        <button type="submit" className="button first" disabled={person === '' || grant.isPending}>
          Grant
        </button>
      }
    >
      <Asked of={people}>
        {(all) => <PersonPick people={all} person={picked} pick={setPicked} elsewhere={elsewhere} />}
      </Asked>
      {picked === elsewhere[0] ? (
        <Field
          id="person-id"
          label="Their id"
          value={typed}
          set={setTyped}
          error={grant.error}
          of="params.person_id"
          mono
          placeholder="usr_…"
        >
          They find theirs under Sessions. Whoever has not signed in yet is invited instead.
        </Field>
      ) : null}
      <RolePick role={role} pick={setRole} />
      <ProblemNote error={grant.error} told={picked === elsewhere[0] ? ['params.person_id'] : []} />
    </Dialog>
  )
}
