// SPDX-License-Identifier: Apache-2.0

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Icon } from './parts/icon.tsx'
import { Page } from './parts/page.tsx'
import { ProblemNote } from './parts/states.tsx'
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
    onSuccess: ({ redirect }) => window.location.assign(redirect),
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
        <dl className="facts card">
          <div>
            <dt>Name</dt>
            <dd>{person.name}</dd>
          </div>
          <div>
            <dt>E-mail</dt>
            <dd>{person.email === '' ? <small>none is known</small> : person.email}</dd>
          </div>
          <div>
            <dt>Known to ledgers as</dt>
            <dd>
              <code>{person.person_id}</code>
            </dd>
          </div>
        </dl>
      )}
      <div className="card">
        <table className="table folds">
          <thead>
            <tr>
              {['From', 'Tenant', 'Signed in', 'Last seen', 'Ends'].map((name) => (
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
            {view.sessions.map((session) => (
              <tr key={session.session_id}>
                <td data-of="From">
                  <span className="chips">
                    <code>{session.source}</code>
                    {session.method === 'break_glass' ? <span className="chip bad">break-glass</span> : null}
                  </span>
                </td>
                <td data-of="Tenant">{session.tenant}</td>
                <td data-of="Signed in">
                  <Time at={session.began_at} />
                </td>
                <td data-of="Last seen">
                  <Time at={session.seen_at} />
                </td>
                <td data-of="Ends">
                  <Time at={session.ends_at} />
                </td>
                <td className="acts">
                  {session.session_id === view.session_id ? (
                    <span className="chip good">this one</span>
                  ) : (
                    <button
                      type="button"
                      className="button small bad"
                      aria-label={`End the session from ${session.source} that began ${session.began_at}`}
                      onClick={() => end.mutate(session.session_id)}
                    >
                      End
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Page>
  )
}
