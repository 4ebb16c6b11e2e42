// SPDX-License-Identifier: Apache-2.0
// What no signature covers comes in by two people: one asks, another decides (docs/formats/quarantine.md, 5).

import { useState } from 'react'
import type { Item, ReleaseStanding, Release as Requested } from '../../model/quarantine.ts'
import { several } from '../../model/words.ts'
import { Actor, useNames } from '../entries/actor.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Field } from '../parts/field.tsx'
import { ProblemNote } from '../parts/states.tsx'
import { Time } from '../parts/time.tsx'
import { useAct, useMay } from '../session.ts'

type Step = 'ask' | 'approve' | 'reject'

export function Release({
  item,
  release,
  standing,
}: {
  readonly item: Item
  readonly release: Requested | null
  readonly standing: ReleaseStanding
}) {
  const may = useMay()('quarantine:release')
  const names = useNames()
  const [step, setStep] = useState<Step>()
  const button = (to: Step, text: string, tone = '') => (
    <button type="button" className={`button small ${tone}`} onClick={() => setStep(to)}>
      {text}
    </button>
  )
  if (standing === 'done') return null
  const by = (actor: string | null | undefined) => <Actor actor={actor ?? ''} names={names} />
  return (
    <section>
      <h3>Release</h3>
      {standing === 'none' ? (
        <p className="lead">
          No repair of the registry lets it in. One person asks, with a cause; another decides within 24 hours. It comes
          in marked, and both names stand in the ledger.
        </p>
      ) : (
        <blockquote className="request">
          <b>{release?.cause}</b>
          <small>
            asked for by {standing === 'mine' ? 'you' : by(release?.requested_by)},{' '}
            <Time at={release?.requested_at ?? 0} />
          </small>
        </blockquote>
      )}
      {standing === 'mine' || standing === 'theirs' ? (
        <p>
          {standing === 'mine' ? 'Somebody else has to decide it. ' : 'It waits for a second person. '}
          It ends <Time at={release?.expires_at ?? 0} />.
        </p>
      ) : null}
      {standing === 'ended' ? <p>Nobody decided it within 24 hours: it can be asked for anew.</p> : null}
      {standing === 'rejected' ? (
        <p>
          Turned down by {by(release?.rejected_by)}: {release?.rejected_cause}
        </p>
      ) : null}
      {standing === 'stuck' ? (
        <p>Approved by {by(release?.approved_by)}, and it has not come in: whoever approves it again finishes it.</p>
      ) : null}
      {may ? (
        <div className="chips">
          {['none', 'ended', 'rejected'].includes(standing) ? button('ask', 'Ask for its release…') : null}
          {standing === 'theirs' || standing === 'stuck' ? button('approve', 'Approve…', 'first') : null}
          {standing === 'theirs' ? button('reject', 'Turn down…', 'bad') : null}
          {standing === 'mine' ? button('reject', 'Take it back…') : null}
        </div>
      ) : null}
      {step === 'approve' && release !== null ? (
        <Approve item={item} release={release} close={() => setStep(undefined)} />
      ) : null}
      {step === 'ask' || (step === 'reject' && release !== null) ? (
        <WithCause
          item={item}
          rejected={step === 'reject' ? (release ?? undefined) : undefined}
          isMine={standing === 'mine'}
          close={() => setStep(undefined)}
        />
      ) : null}
    </section>
  )
}

type Close = { readonly item: Item; readonly close: () => void }

function Approve({ item, release, close }: Close & { readonly release: Requested }) {
  const names = useNames()
  const approve = useAct(
    (door, request: string) =>
      door.call('approveRelease', { params: { leaf_index: item.leaf_index }, body: { request } }),
    { changes: ['quarantine'], says: () => 'Approved: it is in the ledger, marked', done: close },
  )
  const rows = several(item.next_seq - item.first_seq, 'row')
  return (
    <Dialog
      title="Approve the release"
      close={close}
      submit={() => approve.mutate(release.request)}
      footer={
        <button type="submit" className="button first" disabled={approve.isPending}>
          Approve, and let {rows} in
        </button>
      }
    >
      <blockquote className="request">
        <b>{release.cause}</b>
        <small>
          asked for by <Actor actor={release.requested_by} names={names} />, <Time at={release.requested_at} />
        </small>
      </blockquote>
      <p>
        The rows enter the ledger behind a line that says they were released, with the reason why their signature does
        not hold. It cannot be taken back, and your name stands beside it.
      </p>
      <ProblemNote error={approve.error} />
    </Dialog>
  )
}

function WithCause({
  item: { leaf_index },
  rejected,
  isMine,
  close,
}: Close & {
  /** What is turned down; undefined: it is asked for. */
  readonly rejected: Requested | undefined
  readonly isMine: boolean
}) {
  const [cause, setCause] = useState('')
  const params = { leaf_index }
  const act = useAct(
    (door, text: string): Promise<unknown> =>
      rejected === undefined
        ? door.call('askForRelease', { params, body: { cause: text } })
        : door.call('rejectRelease', { params, body: { request: rejected.request, cause: text } }),
    {
      changes: ['quarantine'],
      says: () =>
        rejected === undefined ? 'Asked for: somebody else decides' : isMine ? 'Taken back' : 'Turned down: it stays',
      done: close,
    },
  )
  const title =
    rejected === undefined ? 'Ask for its release' : isMine ? 'Take the request back' : 'Turn the release down'
  return (
    <Dialog
      title={title}
      close={close}
      submit={() => act.mutate(cause.trim())}
      footer={
        <button
          type="submit"
          className={rejected === undefined ? 'button first' : 'button bad'}
          disabled={cause.trim() === '' || act.isPending}
        >
          {rejected === undefined ? 'Ask' : isMine ? 'Take it back' : 'Turn it down'}
        </button>
      }
    >
      {rejected === undefined ? (
        <p>Whoever decides reads it first: say what shows that these rows are what their producer wrote.</p>
      ) : (
        <p>The item stays in quarantine, and its release can be asked for anew.</p>
      )}
      <Field id="cause" label="Why" value={cause} set={setCause} error={act.error} of="body.cause" max={512}>
        It enters the ledger: name nobody.
      </Field>
      <ProblemNote error={act.error} told={['body.cause']} />
    </Dialog>
  )
}
