// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { useState } from 'react'
import { several } from '../model/words.ts'
import { Actor, type Names, useNames } from './entries/actor.tsx'
import { Icon } from './parts/icon.tsx'
import { Page } from './parts/page.tsx'
import { Asked, Empty, ProblemNote } from './parts/states.tsx'
import { type Column, Table } from './parts/table.tsx'
import { Time } from './parts/time.tsx'
import { ChangeJudging } from './requests/change-judging.tsx'
import { inDays, NewException } from './requests/new-exception.tsx'
import { useAct, useAsk, useMay } from './session.ts'

type Exception = Operations['listThreatExceptions']['answer']['items'][number]
type Calibration = Operations['getThreatCalibration']['answer']
type Suggestion = Calibration['suggestions'][number]

const changes = ['threat-exceptions', 'calibration']
const whatOf = ({ detector, id }: Pick<Exception, 'detector' | 'id'>) => (id === null ? detector : `${detector}:${id}`)
const routeOf = ({ method, route }: Pick<Exception, 'method' | 'route'>) =>
  `${method === null ? '' : `${method} `}${route}`

/** How requests of services are judged here, and what does not count against them. */
export function Requests() {
  const may = useMay()
  const [adding, setAdding] = useState(false)
  const [changing, setChanging] = useState(false)
  const exceptions = useAsk(['threat-exceptions'], (door) => door.call('listThreatExceptions'))
  const calibration = useAsk(['calibration'], (door) => door.call('getThreatCalibration'))
  const remove = useAct(
    (door, { exception_id }: Exception) => door.call('removeThreatException', { params: { exception_id } }),
    { changes, says: (exception) => `${whatOf(exception)} counts again` },
  )
  const names = useNames()
  const acts = (
    <>
      {may('threat:tune') && calibration.data !== undefined ? (
        <button type="button" className="button" onClick={() => setChanging(true)}>
          Change what is blocked
        </button>
      ) : null}
      {may('rule:except') ? (
        <button type="button" className="button first" onClick={() => setAdding(true)}>
          <Icon name="plus" size={14} />
          New exception
        </button>
      ) : null}
    </>
  )
  return (
    <Page
      title="Requests"
      about="How requests of services are judged, and what does not count against them."
      acts={acts}
    >
      <ProblemNote error={remove.error} />
      <Asked of={calibration} rows={2}>
        {(told) => <Standing of={told} />}
      </Asked>
      <Asked of={exceptions}>
        {({ items }) => (
          <Table
            rows={items}
            keyOf={({ exception_id }) => exception_id}
            columns={columnsWith(names)}
            acts={(exception) =>
              may('rule:except') ? (
                <button
                  type="button"
                  className="button small bad"
                  aria-label={`Remove ${whatOf(exception)} at ${exception.route}`}
                  disabled={remove.isPending}
                  onClick={() => remove.mutate(exception)}
                >
                  Remove
                </button>
              ) : null
            }
            empty={
              <Empty icon="policy" title="Everything counts">
                <p>What a rule says of a route that is no attack there is excepted for a while.</p>
              </Empty>
            }
          />
        )}
      </Asked>
      {calibration.data === undefined ? null : <Suggestions of={calibration.data.suggestions} />}
      {adding ? <NewException close={() => setAdding(false)} /> : null}
      {changing && calibration.data !== undefined ? (
        <ChangeJudging of={calibration.data} close={() => setChanging(false)} />
      ) : null}
    </Page>
  )
}

const Standing = ({ of: { mode, thresholds, scores, days, feedback } }: { readonly of: Calibration }) => (
  <p className="lead">
    <b>{mode === 'block' ? 'Attacks are blocked.' : 'Nothing is blocked: verdicts say what would have been.'}</b> Of
    100, a score from {thresholds.observe} on is a threat, from {thresholds.challenge} challenged, from{' '}
    {thresholds.block} blocked.{' '}
    {several(
      scores.reduce((sum, count) => sum + count, 0),
      'request',
    )}{' '}
    over {several(days, 'day')}; {several(feedback.false_alarms, 'false alarm')}.
  </p>
)

function Suggestions({ of }: { readonly of: readonly Suggestion[] }) {
  const may = useMay()
  const except = useAct(
    (door, { false_alarms, ...matter }: Suggestion) =>
      door.call('addThreatException', {
        body: { ...matter, reason: several(false_alarms, 'false alarm'), expires_at: inDays(90) },
      }),
    { changes, says: (suggestion) => `${whatOf(suggestion)} does not count at ${suggestion.route} for 90 days` },
  )
  if (of.length === 0) return null
  return (
    <section className="groups" aria-label="Suggested exceptions">
      <header>
        <h2>Suggested exceptions</h2>
      </header>
      <ProblemNote error={except.error} />
      <Table
        rows={of}
        keyOf={(one) => JSON.stringify(one)}
        columns={[
          { name: 'What', of: (one) => <code>{whatOf(one)}</code> },
          { name: 'Route', of: (one) => <code>{routeOf(one)}</code> },
          { name: 'Where', of: ({ where }) => <code>{where ?? 'wherever'}</code> },
          { name: 'False alarms', of: ({ false_alarms }) => String(false_alarms), isNumber: true },
        ]}
        acts={(one) =>
          may('rule:except') ? (
            <button
              type="button"
              className="button small"
              aria-label={`Except ${whatOf(one)} at ${one.route}`}
              disabled={except.isPending}
              onClick={() => except.mutate(one)}
            >
              Except
            </button>
          ) : null
        }
      />
    </section>
  )
}

const columnsWith = (names: Names): readonly Column<Exception>[] => [
  { name: 'What', of: (one) => <code>{whatOf(one)}</code> },
  { name: 'Route', of: (one) => <code>{routeOf(one)}</code> },
  { name: 'Where', of: ({ where }) => <code>{where ?? 'wherever'}</code> },
  {
    name: 'Until',
    of: ({ expires_at, state }) => (
      <>
        <Time at={expires_at} /> {state === 'ending' ? <span className="chip">soon</span> : null}
      </>
    ),
  },
  { name: 'Owner', of: ({ owner }) => <Actor actor={owner} names={names} /> },
  { name: 'Because', of: ({ reason }) => reason },
  {
    name: 'Excepted',
    of: ({ excepted, excepted_since }) => (
      <>
        {excepted} since <Time at={excepted_since} />
      </>
    ),
  },
]
