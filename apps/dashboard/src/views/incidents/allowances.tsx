// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { type Column, Table } from '../parts/table.tsx'
import { Time } from '../parts/time.tsx'
import { useAct, useAsk, useMay } from '../session.ts'

type Allowance = Operations['listAllowances']['answer']['items'][number]
const everyMs = 15_000

/** Whom guards let now; nothing where there is nobody. */
export function Allowances() {
  const may = useMay()
  const { data } = useAsk(['allowances'], (door) => door.call('listAllowances'), { everyMs, enabled: may('host:list') })
  const end = useAct(
    (door, allowance: string) =>
      door.call('endAllowance', { params: { allowance }, body: { cause: 'ended in the dashboard' } }),
    { changes: ['allowances'], says: () => 'The allowance is over' },
  )
  if (data === undefined || data.items.length === 0) return null
  return (
    <section className="allowances" aria-label="Let past the guard">
      <h2>Let past the guard</h2>
      <Table
        rows={data.items}
        keyOf={({ id }) => id}
        columns={columns}
        {...(may('host:configure') && {
          acts: ({ id }: Allowance) => (
            <button type="button" className="button small bad" disabled={end.isPending} onClick={() => end.mutate(id)}>
              End
            </button>
          ),
        })}
      />
    </section>
  )
}

const columns: readonly Column<Allowance>[] = [
  {
    name: 'Whom',
    of: ({ exe, uid, user }) => (
      <code>{[exe, uid === null ? null : `uid ${uid}`, user].filter((part) => part !== null).join(' as ')}</code>
    ),
  },
  { name: 'For', of: ({ target, group }) => `${target ?? 'any'} of ${group}` },
  { name: 'Ends', of: ({ until }) => <Time at={until} /> },
  { name: 'By', of: ({ by }) => <code>{by}</code> },
  { name: 'Why', of: ({ why }) => why },
]
