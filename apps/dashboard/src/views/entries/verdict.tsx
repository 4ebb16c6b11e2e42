// SPDX-License-Identifier: Apache-2.0

import { useState } from 'react'
import { nameOrNothing, type Verdict, type VerdictReason } from '../../model/verdict.ts'
import { Facts } from '../parts/facts.tsx'
import { Table } from '../parts/table.tsx'
import { NewException } from '../requests/new-exception.tsx'
import { useMay } from '../session.ts'
import { Actor, useNames } from './actor.tsx'

const nameOf = ({ detector, id }: VerdictReason) => (id === null ? detector : `${detector}:${id}`)

/** Why a request was judged an attack, heaviest first; what is none at its route can be excepted there. */
export function VerdictNote({ of }: { readonly of: Verdict }) {
  const [excepting, setExcepting] = useState<VerdictReason>()
  const may = useMay()
  const names = useNames()
  const { kind, score, confidence, method, route, worth, told, by, reasons } = of
  return (
    <section aria-label="Why it is a threat">
      <h3>Why it is a threat</h3>
      <Facts
        of={[
          ['Kind', kind],
          ['Score', `${score} of 100`],
          confidence === undefined ? null : ['Confidence', String(confidence)],
          [
            'Route',
            route === undefined ? 'the service named none' : <code key="route">{`${method ?? ''} ${route}`}</code>,
          ],
          ['Worth', worth],
          ['The service was told to', told],
          ['Asked by', <Actor key="by" actor={by} names={names} />],
          ['Sent by', 'the ledger is not told who sends requests'],
        ]}
      />
      <Table
        tight
        rows={reasons}
        keyOf={(reason) => JSON.stringify(reason)}
        columns={[
          { name: 'Weight', of: ({ weight }) => `+${weight}`, isNumber: true },
          { name: 'What', of: (reason) => <span title={nameOf(reason)}>{reason.what}</span> },
          { name: 'Where', of: ({ where }) => <code>{where ?? ''}</code> },
          { name: 'What matched', of: ({ matched }) => <code className="hit">{matched ?? ''}</code> },
        ]}
        acts={(reason) =>
          may('rule:except') ? (
            <button
              type="button"
              className="button small"
              aria-label={`Except ${nameOf(reason)}`}
              onClick={() => setExcepting(reason)}
            >
              Except
            </button>
          ) : null
        }
      />
      {excepting === undefined ? null : (
        <NewException
          given={{
            detector: excepting.detector,
            id: excepting.id ?? '',
            method: method ?? '',
            route: nameOrNothing(route),
            where: nameOrNothing(excepting.where),
          }}
          close={() => setExcepting(undefined)}
        />
      )}
    </section>
  )
}
