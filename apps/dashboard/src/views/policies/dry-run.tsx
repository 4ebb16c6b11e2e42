// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { useState } from 'react'
import { counted, several } from '../../model/words.ts'
import { ProblemNote } from '../parts/states.tsx'
import { Time } from '../parts/time.tsx'
import { useAct, useAsk } from '../session.ts'

type Report = Operations['dryRunPolicy']['answer']
const everyMs = 700

/** What it would have done, told from the ledger. */
export function DryRun({ text, isValid }: { readonly text: string; readonly isValid: boolean }) {
  const [days, setDays] = useState(7)
  const run = useAct((door, policy: string) => door.call('dryRunPolicy', { body: { policy, days } }), { changes: [] })
  const progress = useAsk(['dry-run'], (door) => door.call('getDryRun'), { everyMs, enabled: run.isPending })
  const running = run.isPending ? progress.data?.running : undefined
  return (
    <div className="dry-run">
      <form
        className="asking"
        onSubmit={(event) => {
          event.preventDefault()
          run.mutate(text)
        }}
      >
        <label htmlFor="days">The last</label>
        <select id="days" className="input" value={days} onChange={({ target }) => setDays(Number(target.value))}>
          {[1, 7, 30].map((one) => (
            <option key={one} value={one}>
              {several(one, 'day')}
            </option>
          ))}
        </select>
        <button type="submit" className="button" disabled={!isValid || run.isPending}>
          {run.isPending ? 'Reading the ledger…' : 'Try it'}
        </button>
      </form>
      {running == null ? null : (
        <progress aria-label="Events judged" max={Math.max(1, running.total)} value={running.done} />
      )}
      <ProblemNote error={run.error} />
      {run.data === undefined ? null : <Told report={run.data} />}
    </div>
  )
}

function Told({ report }: { readonly report: Report }) {
  const sumOf = (name: 'fired' | 'undecided') => report.rules.reduce((sum, rule) => sum + rule[name], 0)
  const [fired, undecided] = [sumOf('fired'), sumOf('undecided')]
  return (
    <>
      <p className="would">
        {fired > 0
          ? `It would have fired ${several(fired, 'time')}`
          : undecided > 0
            ? 'Where it can be told, it would not have fired'
            : 'It would not have fired'}
        {undecided === 0 ? '' : `; ${several(undecided, 'decision')} could not be made`}
        <small>
          {several(report.events, 'event')} of {several(report.days, 'day')} judged
          {report.stopped === null ? '' : `, of ${counted(report.total)}: it ended early`}
        </small>
      </p>
      {report.notices.map((notice) => (
        <p key={notice}>
          <small>{notice}</small>
        </p>
      ))}
      <ul className="problems">
        {report.rules
          .filter(({ fired: times, held, undecided }) => times + held + undecided > 0)
          .map((rule) => (
            <li key={rule.rule ?? ''}>
              <header>
                <b>{rule.rule ?? 'no rule: the default decides'}</b>
                <span className="chip accent">{counted(rule.fired)} fired</span>
                {rule.held > 0 ? <span className="chip">{counted(rule.held)} held back</span> : null}
                {rule.undecided > 0 ? <span className="chip warn">{counted(rule.undecided)} undecided</span> : null}
              </header>
              {[...rule.examples, ...rule.unclear].map(({ leaf_index, host, what, why, time }) => (
                <p key={leaf_index}>
                  <a href={`/events?leaf=${leaf_index}`}>line {leaf_index}</a>{' '}
                  <small>
                    {host}, <Time at={time} />
                  </small>
                  <br />
                  {what}
                  {why.length === 0 ? null : <small> {why.join('; ')}</small>}
                </p>
              ))}
            </li>
          ))}
      </ul>
    </>
  )
}
