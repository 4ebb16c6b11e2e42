// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { useState } from 'react'
import { type Effect, effectOf, type Judging, thresholdsIn } from '../../model/thresholds.ts'
import { counted, several } from '../../model/words.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Choice, Field } from '../parts/field.tsx'
import { ProblemNote } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { useAct } from '../session.ts'

type Calibration = Operations['getThreatCalibration']['answer']

const modes: readonly (readonly [Judging['mode'], string])[] = [
  ['observe', 'Observe: nothing is blocked'],
  ['block', 'Block: services are told to do what the score is worth'],
]
const names = ['observe', 'challenge', 'block'] as const
const labels = { observe: 'A threat from', challenge: 'Challenged from', block: 'Blocked from' } as const

/** Nothing is changed before it was shown what that comes to on the tenant's own requests. */
export function ChangeJudging({ of, close }: { readonly of: Calibration; readonly close: () => void }) {
  const [mode, setMode] = useState<string>(of.mode)
  const [texts, setTexts] = useState({
    observe: `${of.thresholds.observe}`,
    challenge: `${of.thresholds.challenge}`,
    block: `${of.thresholds.block}`,
  })
  const [reason, setReason] = useState('')
  const [isShown, setShown] = useState(false)
  const thresholds = thresholdsIn(texts)
  const wanted = thresholds && { mode: mode as Judging['mode'], thresholds }
  const change = useAct((door, body: Judging) => door.call('setThreatSettings', { body: { ...body, reason } }), {
    changes: ['calibration'],
    says: ({ mode: now }) => (now === 'block' ? 'Attacks are blocked from now on' : 'Nothing is blocked from now on'),
    done: close,
  })
  const isWhole = wanted !== undefined && reason.trim() !== ''
  if (isShown && wanted !== undefined)
    return (
      <Dialog
        title="Change what is blocked"
        close={close}
        submit={() => change.mutate(wanted)}
        footer={
          <>
            <button type="button" className="button" onClick={() => setShown(false)}>
              Back
            </button>
            <button type="submit" className="button first" disabled={change.isPending}>
              Change it
            </button>
          </>
        }
      >
        <Changes of={of} wanted={wanted} />
        <ProblemNote error={change.error} />
      </Dialog>
    )
  return (
    <Dialog
      title="Change what is blocked"
      close={close}
      submit={() => setShown(true)}
      footer={
        <button type="submit" className="button first" disabled={!isWhole}>
          Look what it changes
        </button>
      }
    >
      <Choice id="judging-mode" label="Mode" value={mode} pick={setMode} of={modes} />
      {names.map((name) => (
        <Field
          key={name}
          id={`judging-${name}`}
          label={labels[name]}
          value={texts[name]}
          set={(text) => setTexts({ ...texts, [name]: text })}
          max={3}
          mono
          wrong={name === 'block' && thresholds === undefined ? 'Scores from 1 to 100 that rise' : undefined}
        >
          A score, of 100
        </Field>
      ))}
      <Field id="judging-reason" label="Because" value={reason} set={setReason} max={500}>
        For the ledger; name nobody
      </Field>
    </Dialog>
  )
}

const rows: readonly (readonly [keyof Effect, string])[] = [
  ['blocked', 'Blocked'],
  ['challenged', 'Challenged'],
  ['threats', 'Told as threats'],
]

function Changes({ of, wanted }: { readonly of: Calibration; readonly wanted: Judging }) {
  const all = of.scores.reduce((sum, count) => sum + count, 0)
  const [now, then] = [effectOf(of.scores, of), effectOf(of.scores, wanted)]
  if (all === 0) return <p className="lead">No request was judged yet: nobody knows what this comes to.</p>
  return (
    <>
      <p className="lead">
        Of {several(all, 'request')} over {several(of.days, 'day')}, without those that somebody called an attack:
      </p>
      <Table
        tight
        rows={rows}
        keyOf={([name]) => name}
        columns={[
          { name: 'What becomes of them', of: ([, label]) => label },
          { name: 'Now', of: ([name]) => counted(now[name]), isNumber: true },
          { name: 'Then', of: ([name]) => `${counted(then[name])} (${share(then[name], all)})`, isNumber: true },
        ]}
      />
    </>
  )
}

const share = (count: number, all: number) => `${((100 * count) / all).toFixed(count === 0 ? 0 : 2)} %`
