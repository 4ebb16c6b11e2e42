// SPDX-License-Identifier: Apache-2.0

import { useState } from 'react'
import { More } from '../parts/more.tsx'
import { Asked } from '../parts/states.tsx'
import { Time } from '../parts/time.tsx'
import { useAsk, useAskPages } from '../session.ts'
import { Difference } from './changes.tsx'

const pageSize = 50

/** Who changed what, and where the ledger says so. */
export function History({ id }: { readonly id: string }) {
  const versions = useAskPages(['versions', id], (door, { cursor }) =>
    door.call('listPolicyVersions', {
      params: { id },
      query: { limit: pageSize, ...(cursor === undefined ? {} : { cursor: Number(cursor) }) },
    }),
  )
  const [open, setOpen] = useState<number>()
  return (
    <>
      <Asked of={versions} rows={4}>
        {({ items }) => (
          <ol className="problems">
            {items.map(({ version, change, changed_at, changed_by, leaf_index }) => (
              <li key={version}>
                <header>
                  <b>Version {version}</b>
                  <span className="chip">{change}</span>
                  <small>
                    <Time at={changed_at} /> by <code>{changed_by}</code>
                  </small>
                  {leaf_index === null ? null : (
                    <a className="chip" href={`/audit?leaf=${leaf_index}`}>
                      line {leaf_index}
                    </a>
                  )}
                  <button
                    type="button"
                    className="button plain small"
                    aria-expanded={open === version}
                    onClick={() => setOpen(open === version ? undefined : version)}
                  >
                    What changed
                  </button>
                </header>
                {open === version ? <Between id={id} to={version} /> : null}
              </li>
            ))}
          </ol>
        )}
      </Asked>
      <More of={versions} />
    </>
  )
}

function Between({ id, to }: { readonly id: string; readonly to: number }) {
  const found = useAsk(['diff', id, to], (door) => door.call('diffPolicy', { params: { id }, query: { to } }))
  return (
    <Asked of={found} rows={2}>
      {({ text }) => <Difference lines={text} />}
    </Asked>
  )
}
