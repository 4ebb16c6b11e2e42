// SPDX-License-Identifier: Apache-2.0

import { absolute, several } from '../model/words.ts'
import { Actor, useNames } from './entries/actor.tsx'
import { Icon } from './parts/icon.tsx'
import { ProblemNote } from './parts/states.tsx'
import { Time } from './parts/time.tsx'
import { useAct, useAsk, useMay } from './session.ts'

/** Nothing in the feed tells that the time is over. */
const everyMs = 5_000

/** Above every page of a tenant that admits rows which nobody has verified. */
export function StrictOff() {
  const may = useMay()
  const { data } = useAsk(['strict'], (door) => door.call('getStrictSignatures'), {
    everyMs,
    enabled: may('strict:read'),
  })
  const names = useNames()
  const on = useAct((door, _input: undefined) => door.call('switchStrictOn'), {
    changes: ['strict'],
    says: () => 'Signatures are enforced again',
  })
  const off = data?.off ?? null
  if (off === null) return null
  return (
    <section className="strict-off" aria-label="Signatures are not enforced">
      <Icon name="warn" size={16} />
      <p>
        <b>Signatures are not enforced.</b> Rows that fail verification are admitted, and marked:{' '}
        <b>{several(off.rows_admitted, 'row')}</b> so far. Switched off <Time at={off.since} /> by{' '}
        <Actor actor={off.by} names={names} />, until {absolute(Date.parse(off.ends_at))}.
      </p>
      {may('strict:switch') ? (
        <button type="button" className="button small" disabled={on.isPending} onClick={() => on.mutate(undefined)}>
          Turn strict on
        </button>
      ) : null}
      <ProblemNote error={on.error} />
    </section>
  )
}
