// SPDX-License-Identifier: Apache-2.0

import { policyTypes } from '@sealwatch/contract/policy'
import { useState } from 'react'
import { setQuery, useHere } from '../door/here.ts'
import { slugProblem } from '../model/slug.ts'
import { several } from '../model/words.ts'
import { Dialog } from './parts/dialog.tsx'
import { Field } from './parts/field.tsx'
import { Icon } from './parts/icon.tsx'
import { Page } from './parts/page.tsx'
import { Asked, Empty } from './parts/states.tsx'
import { Time } from './parts/time.tsx'
import { Editor } from './policies/editor.tsx'
import { useAsk, useMay } from './session.ts'

const shownMax = 500
const idMax = 64

export function Policies() {
  const { query } = useHere()
  const id = query.get('id')
  const begun = policyTypes.find((type) => type === query.get('new'))
  if (id !== null) return <Editor key={`${id} ${begun}`} id={id} begun={begun} />
  return <List />
}

function List() {
  const policies = useAsk(['policies'], (door) => door.call('listPolicies', { query: { limit: shownMax } }))
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
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="policy" title="There are no policies yet">
              <p>Write one, see what it would have done in the last days, and only then let it count.</p>
            </Empty>
          ) : (
            <div className="card">
              <table className="table folds">
                <thead>
                  <tr>
                    {['Policy', 'Type', 'Rules', 'Version', 'Changed'].map((name) => (
                      <th scope="col" key={name}>
                        {name}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {items.map((policy) => (
                    <tr key={policy.id}>
                      <td data-of="Policy">
                        <button type="button" className="link" data-row onClick={() => setQuery({ id: policy.id })}>
                          {policy.name}
                        </button>
                        <small>
                          <code>{policy.id}</code>
                        </small>
                      </td>
                      <td data-of="Type">
                        <span className="chips">
                          <span className="chip">{policy.type}</span>
                          {policy.enabled ? null : <span className="chip warn">off</span>}
                        </span>
                      </td>
                      <td data-of="Rules">{several(policy.rule_count, 'rule')}</td>
                      <td data-of="Version">{policy.version}</td>
                      <td data-of="Changed">
                        <Time at={policy.updated_at} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Asked>
      {isAdding ? <Begin close={() => setAdding(false)} /> : null}
    </Page>
  )
}

function Begin({ close }: { readonly close: () => void }) {
  const [id, setId] = useState('')
  const [type, setType] = useState<string>('file')
  const wrong = slugProblem(id, idMax)
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
      <div className="field">
        <label htmlFor="policy-type">What it is about</label>
        <select id="policy-type" className="input" value={type} onChange={({ target }) => setType(target.value)}>
          {policyTypes.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </div>
    </Dialog>
  )
}
