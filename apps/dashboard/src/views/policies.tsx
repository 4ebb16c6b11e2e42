// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { slugName } from '@sealwatch/contract/name-form'
import { policyTypes } from '@sealwatch/contract/policy'
import { useState } from 'react'
import { setQuery, useHere } from '../door/here.ts'
import { nameProblem } from '../model/name-problem.ts'
import { several } from '../model/words.ts'
import { Dialog } from './parts/dialog.tsx'
import { Choice, Field } from './parts/field.tsx'
import { Icon } from './parts/icon.tsx'
import { More } from './parts/more.tsx'
import { Page } from './parts/page.tsx'
import { Asked, Empty } from './parts/states.tsx'
import { type Column, Table } from './parts/table.tsx'
import { Time } from './parts/time.tsx'
import { Editor } from './policies/editor.tsx'
import { useAskPages, useMay } from './session.ts'

type Policy = Operations['listPolicies']['answer']['items'][number]
const pageSize = 100

export function Policies() {
  const { query } = useHere()
  const id = query.get('id')
  const begun = policyTypes.find((type) => type === query.get('new'))
  if (id !== null) return <Editor key={`${id} ${begun}`} id={id} begun={begun} />
  return <List />
}

function List() {
  const policies = useAskPages(['policies'], (door, from) =>
    door.call('listPolicies', { query: { limit: pageSize, ...from } }),
  )
  const [isAdding, setAdding] = useState(false)
  const may = useMay()
  return (
    <Page
      title="Policies"
      about="What may happen in this tenant. Every version is signed, and stands in the ledger."
      acts={
        may('policy:write') ? (
          <button type="button" className="button first" onClick={() => setAdding(true)}>
            <Icon name="plus" size={14} />
            New policy
          </button>
        ) : undefined
      }
    >
      <Asked of={policies}>
        {({ items }) => (
          <Table
            rows={items}
            keyOf={({ id }) => id}
            columns={columns}
            empty={
              <Empty icon="policy" title="There are no policies yet">
                <p>Write one, see what it would have done in the last days, and only then let it count.</p>
              </Empty>
            }
          />
        )}
      </Asked>
      <More of={policies} />
      {isAdding ? <Begin close={() => setAdding(false)} /> : null}
    </Page>
  )
}

const columns: readonly Column<Policy>[] = [
  {
    name: 'Policy',
    of: ({ id, name }) => (
      <>
        <button type="button" className="link" data-row onClick={() => setQuery({ id })}>
          {name}
        </button>
        <small>
          <code>{id}</code>
        </small>
      </>
    ),
  },
  {
    name: 'Type',
    of: ({ type, enabled }) => (
      <span className="chips">
        <span className="chip">{type}</span>
        {enabled ? null : <span className="chip warn">off</span>}
      </span>
    ),
  },
  { name: 'Rules', of: ({ rule_count }) => several(rule_count, 'rule') },
  { name: 'Version', of: ({ version }) => version },
  { name: 'Changed', of: ({ updated_at }) => <Time at={updated_at} /> },
]

function Begin({ close }: { readonly close: () => void }) {
  const [id, setId] = useState('')
  const [type, setType] = useState<string>('file')
  const wrong = nameProblem(slugName, id)
  return (
    <Dialog
      title="New policy"
      close={close}
      submit={() => setQuery({ id, new: type })}
      footer={
        <button type="submit" className="button first" disabled={id === '' || wrong !== undefined}>
          Write it
        </button>
      }
    >
      <Field id="policy-id" label="Id" value={id} set={setId} wrong={wrong} mono>
        Lower-case letters, digits and hyphens
      </Field>
      <Choice
        id="policy-type"
        label="What it is about"
        value={type}
        pick={setType}
        of={policyTypes.map((one) => [one, one])}
      />
    </Dialog>
  )
}
