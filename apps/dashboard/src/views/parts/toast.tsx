// SPDX-License-Identifier: Apache-2.0

import { useEffect } from 'react'
import { browserClock } from '../../door/clock.ts'
import type { Done } from '../session.ts'
import { Icon } from './icon.tsx'

const shownMs = 5_000

/** What was done, and where the ledger says so. */
export function Toast({ done, over }: { readonly done: Done | undefined; readonly over: () => void }) {
  useEffect(() => (done === undefined ? undefined : browserClock.after(shownMs, over)), [done, over])
  return (
    <div role="status">
      {done === undefined ? null : (
        <p className="toast">
          <Icon name="check" />
          {done.what}
          {done.leaf === undefined ? null : (
            <small>{done.leaf === null ? 'enters the ledger' : `line ${done.leaf} of the ledger`}</small>
          )}
        </p>
      )}
    </div>
  )
}
