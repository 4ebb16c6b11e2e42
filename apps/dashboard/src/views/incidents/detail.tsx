// SPDX-License-Identifier: Apache-2.0

import { useState } from 'react'
import {
  aboutMoment,
  type IncidentAnswer,
  lastedOf,
  type Moment,
  pidOf,
  programOf,
  responsesOf,
  stateWords,
  titleOf,
  titleOfIncident,
  userOf,
  wordsOf,
} from '../../model/incident.ts'
import { severityOf } from '../../model/severity.ts'
import { absolute, counted, several, shortHash } from '../../model/words.ts'
import { useEvery } from '../live-feed.tsx'
import { Facts } from '../parts/facts.tsx'
import { Icon } from '../parts/icon.tsx'
import { Page } from '../parts/page.tsx'
import { Asked } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { useAsk } from '../session.ts'
import { Actors } from './actors.tsx'

/** While somebody is at it each second counts. */
const openMs = 1_000
const overMs = 10_000

export function Detail({ id, close }: { readonly id: string; readonly close: () => void }) {
  const [isOpen, setOpen] = useState(true)
  const restMs = useEvery(overMs)
  const asked = useAsk(
    ['incident', id],
    async (door) => {
      const answer = await door.call('getIncident', { params: { incident: id } })
      setOpen(answer.incident.state === 'open')
      return answer
    },
    { everyMs: isOpen ? openMs : restMs },
  )
  return (
    <Page
      title="Incident"
      about={id}
      acts={
        <button type="button" className="button" data-close onClick={close}>
          <Icon name="back" size={14} />
          All incidents
        </button>
      }
    >
      <Asked of={asked} rows={8}>
        {(answer) => <Told {...answer} />}
      </Asked>
    </Page>
  )
}

function Told({ incident, timeline, evidence, lines_left_out }: IncidentAnswer) {
  const severity = severityOf(incident.severity_id)
  const { actor, readers, reached, more_acts } = incident
  return (
    <article className="detail incident" aria-label={`Incident ${incident.incident}`}>
      <div className="headline">
        <span className={`chip severity-chip ${severity.tone}`}>{severity.name}</span>
        {incident.technique === null ? null : <span className="chip">{incident.technique}</span>}
        <span className={incident.state === 'closed' ? 'chip' : 'chip bad'}>{stateWords[incident.state]}</span>
        <h2>{titleOfIncident(incident)}</h2>
        {incident.message === null ? null : <p>{incident.message}</p>}
        <Facts
          of={[
            ['Host', incident.host?.name ?? 'unknown'],
            ['Opened', absolute(Date.parse(incident.opened))],
            ['Lasted', lastedOf(incident)],
            actor?.user ? ['User', userOf(actor.user)] : null,
            actor?.session ? ['Log-in', `session ${actor.session}`] : null,
            actor?.container
              ? ['Container', actor.container.name ?? actor.container.uid ?? actor.container.image ?? 'unknown']
              : null,
            actor?.unit ? ['Unit', actor.unit] : null,
            ['Acts', `${counted(incident.acts)} by ${several(incident.actors, 'process', 'processes')}`],
            ['Done about it', responsesOf(incident)],
            readers.length === 0 ? null : ['Handed on to', readers.map(programOf).join(', ')],
          ]}
        />
        {incident.agent_away === null ? null : (
          <p className="note">
            <Icon name="warn" size={14} /> No agent took what the guard sealed from{' '}
            {absolute(Date.parse(incident.agent_away))} on: it waited on the disk of the host.
          </p>
        )}
      </div>
      <section>
        <h3>Who</h3>
        <Actors lineages={incident.lineages} target={incident.target} />
      </section>
      <section>
        <h3>What was reached</h3>
        <Table
          tight
          rows={reached}
          keyOf={({ way }) => way}
          columns={[
            { name: 'Way', of: ({ way }) => wordsOf(way) },
            { name: 'Times', isNumber: true, of: ({ count }) => counted(count) },
            { name: 'Bytes', isNumber: true, of: ({ bytes }) => (bytes === null ? 'not known' : counted(bytes)) },
            { name: 'Refused', isNumber: true, of: ({ refused }) => counted(refused) },
            {
              name: 'For',
              of: ({ first, last }) => (first === null || last === null ? '' : lastedOf({ opened: first, last })),
            },
          ]}
        />
      </section>
      <section>
        <h3>What happened</h3>
        <Timeline moments={timeline} />
        {more_acts === 0 ? null : <p>And {several(more_acts, 'act')} that no row tells.</p>}
      </section>
      <section>
        <h3>Evidence</h3>
        <p className="lead">Each line is sealed by the host and proven by the ledger: open one to see its proof.</p>
        <ul className="chips">
          {evidence.map(({ leaf_index, leaf_hash, code, proof, mark }) => (
            <li key={leaf_index}>
              <a className={mark === null ? 'chip' : 'chip warn'} href={`/events?leaf=${leaf_index}`} title={code}>
                line {leaf_index} <code>{shortHash(leaf_hash, 4)}</code> {mark ?? proof}
              </a>
            </li>
          ))}
        </ul>
        {lines_left_out === 0 ? null : <p>And {several(lines_left_out, 'line')} in between.</p>}
      </section>
    </article>
  )
}

const Timeline = ({ moments }: { readonly moments: readonly Moment[] }) => (
  <ol className="timeline">
    {moments.map((moment, at) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: moments have no name of their own, and none comes before another.
      <li key={`${moment.leaf_index} ${at}`} className={moment.kind}>
        <time dateTime={moment.time}>{moment.time.slice(11, 23)}</time>
        <span>
          <b>{titleOf(moment)}</b> {moment.by === null ? null : <small>pid {pidOf(moment.by)}</small>}{' '}
          <span>{aboutMoment(moment)}</span>
        </span>
        <a href={`/events?leaf=${moment.leaf_index}`}>line {moment.leaf_index}</a>
      </li>
    ))}
  </ol>
)
