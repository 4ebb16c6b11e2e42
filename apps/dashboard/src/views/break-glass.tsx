// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { Facts } from './parts/facts.tsx'
import { Page } from './parts/page.tsx'
import { Asked, Empty, ProblemNote } from './parts/states.tsx'
import { Time } from './parts/time.tsx'
import { useAct, useAsk, useMay, useSession } from './session.ts'

type Access = Operations['listBreakGlass']['answer']['items'][number]
const everyMs = 10_000

/** Access past the provider that nobody has explained yet. */
export function BreakGlass() {
  const waiting = useAsk(['break-glass'], (door) => door.call('listBreakGlass'), { everyMs })
  const acknowledge = useAct((door, { id }: Access) => door.call('acknowledgeBreakGlass', { params: { id } }), {
    changes: ['break-glass'],
    says: ({ id }) => `${id} acknowledged`,
  })
  return (
    <Page
      title="Break-glass"
      about="Emergency access that root opened past the provider. It stays here until somebody other than who came by it says that it is explained."
    >
      <ProblemNote error={acknowledge.error} />
      <Asked of={waiting} rows={3}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="roles" title="Nothing waits to be explained">
              <p>Whenever break-glass access is opened or used, the ledger says so, and it stands here.</p>
            </Empty>
          ) : (
            <ul className="cases">
              {items.map((one) => (
                <Case
                  key={one.id}
                  of={one}
                  acknowledge={() => acknowledge.mutate(one)}
                  isPending={acknowledge.isPending}
                />
              ))}
            </ul>
          )
        }
      </Asked>
    </Page>
  )
}

function Case({
  of: { id, person_id, reason, opened_at, link_expires_at, used_at, ends_at },
  acknowledge,
  isPending,
}: {
  readonly of: Access
  readonly acknowledge: () => void
  readonly isPending: boolean
}) {
  const { view } = useSession()
  const may = useMay()
  const isMine = person_id === view.person?.person_id
  return (
    <li className="card case">
      <header>
        <h2>{reason}</h2>
        <span className={used_at === null ? 'chip warn' : 'chip bad'}>{used_at === null ? 'not used' : 'used'}</span>
        {isMine ? (
          <small>somebody else has to acknowledge yours</small>
        ) : may('break-glass:acknowledge') ? (
          <button
            type="button"
            className="button small"
            aria-label={`Acknowledge ${id}`}
            disabled={isPending}
            onClick={acknowledge}
          >
            Acknowledge
          </button>
        ) : null}
      </header>
      <Facts
        of={[
          ['Opened', <Time key="opened" at={opened_at} />],
          used_at === null
            ? ['Link ends', <Time key="link" at={link_expires_at} />]
            : ['Used', <Time key="used" at={used_at} />],
          ends_at === null ? null : ['Session ends', <Time key="ends" at={ends_at} />],
          ['Person', <code key="person">{person_id}</code>],
          ['Id', <code key="id">{id}</code>],
        ]}
      />
    </li>
  )
}
