// SPDX-License-Identifier: Apache-2.0

import { useState } from 'react'
import { Copy } from './parts/copy.tsx'
import { Dialog } from './parts/dialog.tsx'
import { PersonPick } from './parts/person-pick.tsx'
import { Asked, ProblemNote } from './parts/states.tsx'
import { everyItem, useAct, useAsk, useMay, useSession } from './session.ts'

const pageSize = 500

/** The first admin of a tenant that has none: somebody else than oneself. `isNew`: it was made a moment ago. */
export function Appoint({
  tenant,
  close,
  isNew = false,
}: {
  readonly tenant: string
  readonly close: () => void
  readonly isNew?: boolean
}) {
  const { view } = useSession()
  const mayAppoint = useMay()('tenant:appoint')
  const [person, setPerson] = useState('')
  const people = useAsk(['accounts', 'all'], (door) =>
    everyItem((from) => door.call('listPeople', { query: { limit: pageSize, ...from } })),
  )
  const appoint = useAct(
    (door, person_id: string) => door.call('appointAdmin', { params: { tenant_name: tenant, person_id } }),
    { changes: ['tenants', 'accounts'], says: () => `${tenant} has its first admin`, done: close },
  )
  return (
    <Dialog
      title={isNew ? `${tenant} is there` : `First admin of ${tenant}`}
      close={close}
      {...(mayAppoint ? { submit: () => appoint.mutate(person) } : {})}
      footer={
        <>
          <button type="button" className="button" onClick={close}>
            {isNew ? 'Later' : 'Leave it'}
          </button>
          {mayAppoint ? (
            <button type="submit" className="button first" disabled={person === '' || appoint.isPending}>
              Appoint
            </button>
          ) : null}
        </>
      }
    >
      <p>
        Nobody administers it yet, you neither: whoever administers the deployment reads no tenant’s events. Appoint
        somebody else, who finds it under Tenant, at the top left, and invites all others from its page People.
      </p>
      {mayAppoint ? (
        <Asked of={people}>
          {(all) => (
            <PersonPick
              people={all.filter((one) => one.disabled_at === null && one.person_id !== view.person?.person_id)}
              person={person}
              pick={setPerson}
              none="Nobody else has signed in to this deployment yet."
            />
          )}
        </Asked>
      ) : null}
      <ProblemNote error={appoint.error} />
      <div className="step">
        <b>Somebody who has not signed in yet is invited on the server, by a link that works once</b>
        <code>{command(tenant)}</code>
        <small>
          With <code>--data DIR</code> too, where the server was started with one.
        </small>
        <div>
          <Copy text={command(tenant)} label="Copy" />
        </div>
      </div>
    </Dialog>
  )
}

const command = (tenant: string) => `sudo ./sealwatch member invite 'Their name' tenant_admin --tenant ${tenant}`
