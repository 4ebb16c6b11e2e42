// SPDX-License-Identifier: Apache-2.0

import { setQuery, useHere } from '../door/here.ts'
import { type Incident, lastedOf, responsesOf, stateWords, titleOfIncident, wordsOf } from '../model/incident.ts'
import { severityOf } from '../model/severity.ts'
import { Allowances } from './incidents/allowances.tsx'
import { Detail } from './incidents/detail.tsx'
import { useEvery } from './live-feed.tsx'
import { More } from './parts/more.tsx'
import { Page } from './parts/page.tsx'
import { Asked, Empty } from './parts/states.tsx'
import { type Column, Table } from './parts/table.tsx'
import { Time } from './parts/time.tsx'
import { useAskPages } from './session.ts'

const pageSize = 50
const untoldMs = 5_000

export function Incidents() {
  const { query } = useHere()
  const id = query.get('id')
  return id === null ? <List /> : <Detail key={id} id={id} close={() => setQuery({ id: undefined })} />
}

function List() {
  const everyMs = useEvery(untoldMs)
  const incidents = useAskPages(
    ['newest', 'listIncidents'],
    (door, from) => door.call('listIncidents', { query: { limit: pageSize, ...from } }),
    { everyMs },
  )
  return (
    <Page
      title="Incidents"
      about="Who reached for the memory of a protected process: one attempt in one session is one incident, whoever takes part."
    >
      <Asked of={incidents}>
        {({ items }) => (
          <Table
            rows={items}
            keyOf={({ incident }) => incident}
            columns={columns}
            empty={
              <Empty icon="incident" title="Nobody has reached for a protected process">
                <p>What guards of hosts see of it comes here at once, and as an alert.</p>
              </Empty>
            }
          />
        )}
      </Asked>
      <More of={incidents} />
      <Allowances />
    </Page>
  )
}

const columns: readonly Column<Incident>[] = [
  {
    name: 'Incident',
    of: ({ incident, name, severity_id, actor, actors, way }) => (
      <>
        <span className={`chip severity-chip ${severityOf(severity_id).tone}`}>{severityOf(severity_id).name}</span>{' '}
        <button type="button" className="link" data-row onClick={() => setQuery({ id: incident })}>
          {titleOfIncident({ actor, actors, name })}
        </button>
        <small>{wordsOf(way)}</small>
      </>
    ),
  },
  { name: 'State', of: (one) => <State of={one} /> },
  { name: 'Host', of: ({ host }) => host?.name ?? 'unknown' },
  { name: 'Lasted', of: lastedOf },
  { name: 'Done about it', of: responsesOf },
  { name: 'Opened', of: ({ opened }) => <Time at={opened} /> },
]

const stateTones = { open: 'chip bad', unheard: 'chip warn', closed: 'chip' } as const
const State = ({ of: { state } }: { readonly of: Incident }) => (
  <span className={stateTones[state]}>{stateWords[state]}</span>
)
