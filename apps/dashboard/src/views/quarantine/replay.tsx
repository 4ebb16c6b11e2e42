// SPDX-License-Identifier: Apache-2.0

import { useEffect, useRef, useState } from 'react'
import type { Door } from '../../door/api.ts'
import { type Asked, filterOf, isNarrowed } from '../../model/quarantine-query.ts'
import { nothingTold, stayWords, type Told, toldWith } from '../../model/replay.ts'
import { several } from '../../model/words.ts'
import { Dialog } from '../parts/dialog.tsx'
import { ProblemNote } from '../parts/states.tsx'
import { useAct, useSession } from '../session.ts'
import { Reason } from './reason.tsx'
import { usePicture } from './use-quarantine.ts'

const pageSize = 100
type Run = { readonly isDry: boolean; readonly signal: AbortSignal }

/** First what would be, and only then what is: whoever lets rows in has seen which. */
export function Replay({ asked, close }: { readonly asked: Asked; readonly close: () => void }) {
  const { say } = useSession()
  const filter = { ...filterOf(asked), state: 'waiting' as const }
  const { data: picture } = usePicture({ ...asked, state: 'waiting' })
  const [told, setTold] = useState<Told>(nothingTold)
  const [ended, setEnded] = useState<'dry' | 'done' | 'stopped'>()
  const stop = useRef<AbortController>(undefined)
  useEffect(() => () => stop.current?.abort(), [])

  async function replay(door: Door, { isDry, signal }: Run): Promise<Told> {
    let sum = nothingTold
    for (let cursor: number | undefined; !signal.aborted; ) {
      const from = cursor === undefined ? {} : { cursor }
      const body = { ...filter, limit: pageSize, dry_run: isDry, ...from }
      const { items, next } = await door.call('replayQuarantine', { body })
      sum = toldWith(sum, items)
      setTold(sum)
      if (next === null) break
      cursor = Number(next)
    }
    return sum
  }

  const run = useAct(replay, {
    changes: ['quarantine'],
    done: ({ comesIn }, { isDry, signal }) => {
      setEnded(signal.aborted ? 'stopped' : isDry ? 'dry' : 'done')
      if (!isDry) say({ what: `${several(comesIn.rows, 'row')} came in` })
    },
  })
  const start = (isDry: boolean) => {
    const over = new AbortController()
    stop.current = over
    setTold(nothingTold)
    setEnded(undefined)
    run.mutate({ isDry, signal: over.signal })
  }
  const isDry = run.variables?.isDry ?? true
  const total = Math.max(picture?.items ?? 0, told.seen, 1)
  return (
    <Dialog
      title="Replay what waits"
      wide
      close={close}
      footer={
        run.isPending ? (
          <button type="button" className="button" onClick={() => stop.current?.abort()}>
            Stop
          </button>
        ) : (
          <>
            <button
              type="button"
              className={ended === 'dry' && told.comesIn.items > 0 ? 'button' : 'button first'}
              onClick={() => (ended === 'done' ? close() : start(true))}
            >
              {ended === 'done' ? 'Done' : ended === undefined ? 'Look what would come in' : 'Look again'}
            </button>
            {ended === 'dry' && told.comesIn.items > 0 ? (
              <button type="button" className="button first" onClick={() => start(false)}>
                Let {several(told.comesIn.rows, 'row')} in
              </button>
            ) : null}
          </>
        )
      }
    >
      <p>
        {isNarrowed(asked) ? 'What waits and is shown below is' : 'Everything that waits is'} judged again, each item as
        of the moment it came, by what is known of keys now. What holds comes in, once, however often this is done or
        interrupted. First it is only looked at: nothing changes by that.
      </p>
      <Scope asked={asked} />
      {run.isPending ? (
        <div>
          <progress aria-label="Items judged" max={total} value={told.seen} />
          <small role="status">
            {several(told.seen, 'item')} of {several(total, 'item')} {isDry ? 'looked at' : 'judged'}
          </small>
        </div>
      ) : null}
      <ProblemNote error={run.error} />
      {run.isPending || ended !== undefined ? <Sum told={told} isDry={isDry} isStopped={ended === 'stopped'} /> : null}
    </Dialog>
  )
}

const Scope = ({ asked }: { readonly asked: Asked }) =>
  isNarrowed(asked) ? (
    <p className="chips">
      {(['reason', 'key', 'producer', 'since', 'until'] as const).map((name) =>
        asked[name] === '' ? null : (
          <span className="chip" key={name}>
            {name} <code>{asked[name]}</code>
          </span>
        ),
      )}
    </p>
  ) : null

function Sum({
  told,
  isDry,
  isStopped,
}: {
  readonly told: Told
  readonly isDry: boolean
  readonly isStopped: boolean
}) {
  const { comesIn, already, stays } = told
  const left = stays.reduce((sum, { items }) => sum + items, 0)
  return (
    <>
      <p className="would" role="status">
        {comesIn.items === 0
          ? isDry
            ? 'Nothing would come in'
            : 'Nothing came in'
          : `${several(comesIn.rows, 'row')} ${isDry ? 'would come in' : 'came in'}`}
        {left === 0 ? '' : `, ${several(left, 'item')} ${left === 1 ? 'stays' : 'stay'}`}
        <small>
          {several(told.seen, 'item')} judged
          {already.items === 0 ? '' : `, ${already.items} of them in the ledger already`}
          {isStopped ? ': it was stopped, and what came in stays in' : ''}
        </small>
      </p>
      {stays.length === 0 ? null : (
        <ul className="problems" aria-label="What stays, and why">
          {stays.map(({ outcome, reason, detail, items, rows, leaf }) => (
            <li key={`${outcome} ${reason} ${detail}`}>
              <header>
                <Reason reason={reason ?? outcome} />
                <span className="chip">
                  {several(rows, 'row')} in {several(items, 'item')}
                </span>
                <a className="chip" href={`/quarantine?leaf=${leaf}`}>
                  first at line {leaf}
                </a>
              </header>
              <span>{detail}</span>
              <small>{stayWords[outcome]}</small>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}
