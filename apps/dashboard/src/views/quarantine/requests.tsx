// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { setQuery } from '../../door/here.ts'
import { Actor, useNames } from '../entries/actor.tsx'
import { Icon } from '../parts/icon.tsx'
import { Time } from '../parts/time.tsx'
import { useMay, useSession } from '../session.ts'

type Asked = Operations['listReleases']['answer']['items'][number]

/** What one person asked for, and another has to decide. */
export function Requests({ all }: { readonly all: readonly Asked[] }) {
  const names = useNames()
  const mayDecide = useMay()('quarantine:release')
  const { person } = useSession().view
  if (all.length === 0) return null
  return (
    <section className="card requests" aria-label="Releases that wait for a second person">
      <h2>
        <Icon name="people" size={15} />
        For a second person to decide
      </h2>
      <ul>
        {all.map(({ leaf_index, release }) => {
          const isMine = release.requested_by === `person:${person?.person_id}`
          return (
            <li key={leaf_index}>
              <div>
                <b>{release.cause}</b>
                <small>
                  asked for by {isMine ? 'you' : <Actor actor={release.requested_by} names={names} />},{' '}
                  <Time at={release.requested_at} />; ends <Time at={release.expires_at} />
                </small>
              </div>
              <button type="button" className="button small" onClick={() => setQuery({ leaf: String(leaf_index) })}>
                {isMine || !mayDecide ? 'Look at it' : 'Look and decide'}
              </button>
            </li>
          )
        })}
      </ul>
    </section>
  )
}
