// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { Icon } from '../parts/icon.tsx'
import { ProblemNote } from '../parts/states.tsx'
import { useAct } from '../session.ts'

type Word = Operations['giveThreatFeedback']['body']['verdict']

/** Of the alert about a request: whoever knows says whether it was an attack. */
export function Feedback({ leaf }: { readonly leaf: number }) {
  const tell = useAct(
    (door, verdict: Word) => door.call('giveThreatFeedback', { params: { leaf }, body: { verdict } }),
    {
      changes: ['calibration'],
      says: (verdict) => (verdict === 'right' ? 'It was an attack' : 'It was a false alarm'),
    },
  )
  return (
    <section>
      <h3>Was it an attack?</h3>
      <p className="lead">
        Calibration goes by what is said here, and repeated false alarms are suggested as exceptions.
      </p>
      <button
        type="button"
        className="button small"
        disabled={tell.isPending}
        onClick={() => tell.mutate('false_alarm')}
      >
        <Icon name="close" size={14} />
        False alarm
      </button>{' '}
      <button type="button" className="button small" disabled={tell.isPending} onClick={() => tell.mutate('right')}>
        <Icon name="check" size={14} />
        It was right
      </button>
      <ProblemNote error={tell.error} />
    </section>
  )
}
