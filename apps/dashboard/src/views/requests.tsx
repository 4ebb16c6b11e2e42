// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { useState } from 'react'
import { browserClock } from '../door/clock.ts'
import { several } from '../model/words.ts'
import { Dialog } from './parts/dialog.tsx'
import { Choice, Field } from './parts/field.tsx'
import { Icon } from './parts/icon.tsx'
import { Page } from './parts/page.tsx'
import { Asked, Empty, ProblemNote } from './parts/states.tsx'
import { type Column, Table } from './parts/table.tsx'
import { Time } from './parts/time.tsx'
import { useAct, useAsk, useMay } from './session.ts'

type Exception = Operations['listThreatExceptions']['answer']['items'][number]
type Calibration = Operations['getThreatCalibration']['answer']
type Suggestion = Calibration['suggestions'][number]
type Wanted = Operations['addThreatException']['body']

const dayMs = 86_400_000
const changes = ['threat-exceptions', 'calibration']
const whatOf = ({ detector, id }: Pick<Exception, 'detector' | 'id'>) => (id === null ? detector : `${detector}:${id}`)
const routeOf = ({ method, route }: Pick<Exception, 'method' | 'route'>) =>
  `${method === null ? '' : `${method} `}${route}`

/** How requests of services are judged here, and what does not count against them. */
export function Requests() {
  const may = useMay()
  const [adding, setAdding] = useState(false)
  const exceptions = useAsk(['threat-exceptions'], (door) => door.call('listThreatExceptions'))
  const calibration = useAsk(['calibration'], (door) => door.call('getThreatCalibration'))
  const remove = useAct(
    (door, { exception_id }: Exception) => door.call('removeThreatException', { params: { exception_id } }),
    { changes, says: (exception) => `${whatOf(exception)} counts again` },
  )
  const acts = may('rule:except') ? (
    <button type="button" className="button first" onClick={() => setAdding(true)}>
      <Icon name="plus" size={14} />
      New exception
    </button>
  ) : undefined
  return (
    <Page
      title="Requests"
      about="How requests of services are judged, and what does not count against them."
      acts={acts}
    >
      <ProblemNote error={remove.error} />
      <Asked of={calibration} rows={2}>
        {(told) => (
          <>
            <Standing of={told} />
            <Suggestions of={told.suggestions} />
          </>
        )}
      </Asked>
      <Asked of={exceptions}>
        {({ items }) => (
          <Table
            rows={items}
            keyOf={({ exception_id }) => exception_id}
            columns={columns}
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
      {adding ? <NewException close={() => setAdding(false)} /> : null}
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
    <section aria-label="Suggested exceptions">
      <h2>Suggested exceptions</h2>
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

const columns: readonly Column<Exception>[] = [
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
  { name: 'Because', of: ({ reason }) => reason },
  { name: 'Excepted', of: ({ excepted }) => String(excepted), isNumber: true },
]

const inDays = (days: number) => new Date(browserClock.nowMs() + days * dayMs).toISOString()
const lengths = ['1', '7', '30', '90'] as const
const detectors: readonly (readonly [Wanted['detector'], string])[] = [
  ['rules', 'Rules'],
  ['model', 'The model'],
  ['signals', 'How it is written'],
  ['reputation', 'Feeds of addresses'],
  ['behaviour', 'What is usual'],
]

function NewException({ close }: { readonly close: () => void }) {
  const [detector, setDetector] = useState<string>('rules')
  const [id, setId] = useState('')
  const [route, setRoute] = useState('')
  const [where, setWhere] = useState('')
  const [days, setDays] = useState<string>('30')
  const [reason, setReason] = useState('')
  const add = useAct(
    (door, of: Wanted['detector']) =>
      door.call('addThreatException', {
        body: {
          detector: of,
          id: id === '' ? null : id,
          route,
          where: where === '' ? null : where,
          reason,
          expires_at: inDays(Number(days)),
        },
      }),
    { changes, says: () => `It does not count at ${route} from now on`, done: close },
  )
  const isWhole = route !== '' && reason.trim() !== ''
  return (
    <Dialog
      title="New exception"
      close={close}
      submit={() => add.mutate(detector as Wanted['detector'])}
      footer={
        <button type="submit" className="button first" disabled={!isWhole || add.isPending}>
          Make the exception
        </button>
      }
    >
      <Choice id="exception-detector" label="From" value={detector} pick={setDetector} of={detectors} />
      <Field
        id="exception-id"
        label="Which"
        value={id}
        set={setId}
        error={add.error}
        of="body.id"
        max={128}
        mono
        placeholder="942100"
      >
        As a verdict names it; nothing: all of it
      </Field>
      <Field
        id="exception-route"
        label="Route"
        value={route}
        set={setRoute}
        error={add.error}
        of="body.route"
        max={512}
        mono
        placeholder="/search"
      >
        * for one segment, ** for any number of them
      </Field>
      <Field
        id="exception-where"
        label="Where"
        value={where}
        set={setWhere}
        error={add.error}
        of="body.where"
        max={256}
        mono
        placeholder="ARGS_GET:q"
      >
        The place in the request; nothing: wherever
      </Field>
      <Choice
        id="exception-days"
        label="For"
        value={days}
        pick={setDays}
        of={lengths.map((length) => [length, several(Number(length), 'day')] as const)}
      />
      <Field
        id="exception-reason"
        label="Because"
        value={reason}
        set={setReason}
        error={add.error}
        of="body.reason"
        max={500}
      >
        For the ledger; name nobody
      </Field>
      <ProblemNote error={add.error} told={['body.id', 'body.route', 'body.where', 'body.reason']} />
    </Dialog>
  )
}
