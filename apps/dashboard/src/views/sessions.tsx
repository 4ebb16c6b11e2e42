// SPDX-License-Identifier: Apache-2.0

import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { SessionView } from '../door/api.ts'
import { drafts } from '../door/drafts.ts'
import { Facts } from './parts/facts.tsx'
import { Icon } from './parts/icon.tsx'
import { Page } from './parts/page.tsx'
import { ProblemNote } from './parts/states.tsx'
import { type Column, Table } from './parts/table.tsx'
import { Time } from './parts/time.tsx'
import { useSession } from './session.ts'

export function Sessions() {
  const { view, door } = useSession()
  const queries = useQueryClient()
  const end = useMutation({
    mutationFn: (session_id: string) => door.call('endSession', { params: { session_id } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['session'] }),
  })
  const leave = useMutation({
    mutationFn: (everywhere: boolean) => door.call(everywhere ? 'logoutEverywhere' : 'logout'),
    onSuccess: ({ redirect }) => {
      drafts.forgetOthers(undefined)
      window.location.assign(redirect)
    },
  })
  const { person } = view
  return (
    <Page
      title="Sessions"
      about="Where you are signed in. A session acts in one tenant, ends when it is not used, and at the latest when it says."
      acts={
        <>
          <button type="button" className="button" disabled={leave.isPending} onClick={() => leave.mutate(false)}>
            <Icon name="out" size={14} />
            Sign out
          </button>
          <button type="button" className="button bad" disabled={leave.isPending} onClick={() => leave.mutate(true)}>
            Sign out everywhere
          </button>
        </>
      }
    >
      <ProblemNote error={end.error ?? leave.error} />
      {person === null ? null : (
        <Facts
          card
          of={[
            ['Name', person.name],
            ['E-mail', person.email === '' ? <small key="none">none is known</small> : person.email],
            ['Known to ledgers as', <code key="id">{person.person_id}</code>],
          ]}
        />
      )}
      <Table
        rows={view.sessions}
        keyOf={({ session_id }) => session_id}
        columns={columns}
        acts={({ session_id, source, began_at }) =>
          session_id === view.session_id ? (
            <span className="chip good">this one</span>
          ) : (
            <button
              type="button"
              className="button small bad"
              aria-label={`End the session from ${source} that began ${began_at}`}
              onClick={() => end.mutate(session_id)}
            >
              End
            </button>
          )
        }
      />
    </Page>
  )
}

const columns: readonly Column<SessionView['sessions'][number]>[] = [
  {
    name: 'From',
    of: ({ source, method }) => (
      <span className="chips">
        <code>{source}</code>
        {method === 'break_glass' ? <span className="chip bad">break-glass</span> : null}
      </span>
    ),
  },
  { name: 'Tenant', of: ({ tenant }) => tenant },
  { name: 'Signed in', of: ({ began_at }) => <Time at={began_at} /> },
  { name: 'Last seen', of: ({ seen_at }) => <Time at={seen_at} /> },
  { name: 'Ends', of: ({ ends_at }) => <Time at={ends_at} /> },
]
