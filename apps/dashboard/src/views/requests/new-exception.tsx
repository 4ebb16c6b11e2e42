// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { useState } from 'react'
import { browserClock } from '../../door/clock.ts'
import { several } from '../../model/words.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Choice, Field } from '../parts/field.tsx'
import { ProblemNote } from '../parts/states.tsx'
import { useAct } from '../session.ts'

type Wanted = Operations['addThreatException']['body']
/** What a verdict names. */
export type Given = {
  readonly [name in 'detector' | 'id' | 'method' | 'route' | 'where']?: string
}

const dayMs = 86_400_000
export const inDays = (days: number) => new Date(browserClock.nowMs() + days * dayMs).toISOString()
const lengths = ['1', '7', '30', '90'] as const
const detectors: readonly (readonly [Wanted['detector'], string])[] = [
  ['rules', 'Rules'],
  ['model', 'The model'],
  ['signals', 'How it is written'],
  ['reputation', 'Feeds of addresses'],
  ['behaviour', 'What is usual'],
]
const unsaid = { detector: 'rules', id: '', route: '', method: '', where: '', days: '30', reason: '' }
const fields = [
  {
    name: 'id',
    label: 'Which',
    max: 128,
    placeholder: '942100',
    children: 'As a verdict names it; nothing: all of it',
  },
  {
    name: 'route',
    label: 'Route',
    max: 512,
    placeholder: '/search',
    children: '* for one segment, ** for any number of them',
  },
  { name: 'method', label: 'Method', max: 32, placeholder: 'GET', children: 'Nothing: any' },
  {
    name: 'where',
    label: 'Where',
    max: 256,
    placeholder: 'ARGS_GET:q',
    children: 'The place in the request; nothing: wherever',
  },
  { name: 'reason', label: 'Because', max: 500, children: 'For the ledger; name nobody' },
] as const
const orNull = (text: string) => (text === '' ? null : text)

/** Of whoever makes it, until it ends by itself. */
export function NewException({ given = {}, close }: { readonly given?: Given; readonly close: () => void }) {
  const [asked, setAsked] = useState({ ...unsaid, ...given })
  const { detector, id, method, route, where, reason, days } = asked
  const set = (name: keyof typeof unsaid) => (value: string) => setAsked({ ...asked, [name]: value })
  const add = useAct(
    (door, of: Wanted['detector']) =>
      door.call('addThreatException', {
        body: {
          ...{ detector: of, id: orNull(id), method: orNull(method), route, where: orNull(where), reason },
          expires_at: inDays(Number(days)),
        },
      }),
    {
      changes: ['threat-exceptions', 'calibration'],
      says: () => `It does not count at ${route} from now on`,
      done: close,
    },
  )
  const isWhole = route !== '' && reason.trim() !== ''
  const fieldOf = ({ name, ...field }: (typeof fields)[number]) => (
    <Field
      key={name}
      id={`exception-${name}`}
      value={asked[name]}
      set={set(name)}
      error={add.error}
      of={`body.${name}`}
      mono={name !== 'reason'}
      {...field}
    />
  )
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
      <Choice id="exception-detector" label="From" value={detector} pick={set('detector')} of={detectors} />
      {fields.slice(0, -1).map(fieldOf)}
      <Choice
        id="exception-days"
        label="For"
        value={days}
        pick={set('days')}
        of={lengths.map((length) => [length, several(Number(length), 'day')] as const)}
      >
        It is yours until then: the list and the ledger name you as its owner
      </Choice>
      {fields.slice(-1).map(fieldOf)}
      <ProblemNote error={add.error} told={fields.map(({ name }) => `body.${name}`)} />
    </Dialog>
  )
}
