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
const orNull = (text: string) => (text === '' ? null : text)

/** Of whoever makes it, until it ends by itself. */
export function NewException({ given = {}, close }: { readonly given?: Given; readonly close: () => void }) {
  const [detector, setDetector] = useState(given.detector ?? 'rules')
  const [id, setId] = useState(given.id ?? '')
  const [method, setMethod] = useState(given.method ?? '')
  const [route, setRoute] = useState(given.route ?? '')
  const [where, setWhere] = useState(given.where ?? '')
  const [days, setDays] = useState<string>('30')
  const [reason, setReason] = useState('')
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
  const field = { error: add.error, mono: true }
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
        {...field}
        of="body.id"
        max={128}
        placeholder="942100"
      >
        As a verdict names it; nothing: all of it
      </Field>
      <Field
        id="exception-route"
        label="Route"
        value={route}
        set={setRoute}
        {...field}
        of="body.route"
        max={512}
        placeholder="/search"
      >
        * for one segment, ** for any number of them
      </Field>
      <Field
        id="exception-method"
        label="Method"
        value={method}
        set={setMethod}
        {...field}
        of="body.method"
        max={32}
        placeholder="GET"
      >
        Nothing: any
      </Field>
      <Field
        id="exception-where"
        label="Where"
        value={where}
        set={setWhere}
        {...field}
        of="body.where"
        max={256}
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
      >
        It is yours until then: the list and the ledger name you as its owner
      </Choice>
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
      <ProblemNote error={add.error} told={['body.id', 'body.route', 'body.method', 'body.where', 'body.reason']} />
    </Dialog>
  )
}
