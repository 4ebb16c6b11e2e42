// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { roleTitle } from '../model/words.ts'
import { ProblemNote } from './parts/states.tsx'
import { type Column, Table } from './parts/table.tsx'
import { Time } from './parts/time.tsx'
import { useAct, useAsk, useMay } from './session.ts'

type Invitation = Operations['listInvitations']['answer']['items'][number]

/** Links that nobody has come by yet; nothing where there are none. */
export function Invitations() {
  const open = useAsk(['invitations'], (door) => door.call('listInvitations'))
  const mayInvite = useMay()('member:invite')
  const withdraw = useAct(
    (door, { id }: Invitation) => door.call('withdrawInvitation', { params: { invitation_id: id } }),
    { changes: ['invitations'], says: ({ name }) => `The link for ${name} works no more` },
  )
  if (open.data === undefined || open.data.items.length === 0) return null
  return (
    <section className="groups">
      <header>
        <h2>Invited, not come yet</h2>
      </header>
      <ProblemNote error={withdraw.error} />
      <Table
        rows={open.data.items}
        keyOf={({ id }) => id}
        columns={columns}
        acts={(invitation) =>
          mayInvite ? (
            <button
              type="button"
              className="button small bad"
              disabled={withdraw.isPending}
              aria-label={`Withdraw the link for ${invitation.name}`}
              onClick={() => withdraw.mutate(invitation)}
            >
              Withdraw
            </button>
          ) : null
        }
      />
    </section>
  )
}

const columns: readonly Column<Invitation>[] = [
  { name: 'For', of: ({ name }) => <b>{name}</b> },
  { name: 'Role', of: ({ role }) => <span className="chip">{roleTitle(role)}</span> },
  { name: 'Link ends', of: ({ expires_at }) => <Time at={expires_at} /> },
  { name: 'By', of: ({ created_by }) => <code>{created_by}</code> },
]
