// SPDX-License-Identifier: Apache-2.0

import { isReason, type RowsByReason, reasons, reasonWords, rowsIn } from '../../model/quarantine.ts'

/** The name that stands everywhere, and its colour. */
export const Reason = ({ reason }: { readonly reason: string }) => (
  <span className="reason" title={isReason(reason) ? reasonWords[reason].means : undefined}>
    <span className={`swatch ${reason}`} />
    <code>{reason}</code>
  </span>
)

/** Parts of a whole, in the order of the reasons; how long it is among others, they say who show it. */
export function Stack({ rows }: { readonly rows: RowsByReason }) {
  const total = rowsIn(rows)
  return reasons
    .filter((reason) => rows[reason] > 0)
    .map((reason) => <span key={reason} className={reason} style={{ flexGrow: rows[reason] / total }} />)
}
