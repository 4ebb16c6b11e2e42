// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const drillRunErrors = {
  DRILL_RUNNING: {
    kind: 'conflict',
    rule: 'one drill runs in a tenant at a time',
    advice: 'Wait until it is over; one that was cut off holds its place for seconds only',
  },
  DRILL_UNKNOWN: {
    kind: 'not_found',
    rule: 'there is such a drill in this tenant; it is held and reported while it runs, by whoever began it',
    advice: 'List them: sealwatch drill list',
  },
  REHEARSAL_REFUSED: {
    kind: 'conflict',
    rule: 'a guard answers in earnest a drill of the kind key-theft, on a host of its tenant, upon a decoy and from a runner that are two processes; four on a host at a time',
    advice: 'See docs/formats/host-config.md, 7; `sealwatch drill key-theft` asks for it as it must be',
  },
  DRILL_UNPROVEN: {
    kind: 'conflict',
    rule: 'a drill has passed where the ledger holds each submission, or each attack with what was done about it, that it reports, since it began',
    advice: 'Run the drill again; what a ledger holds is shown by: sealwatch events',
  },
} as const satisfies ErrorTable
export const drillRunError = errorsOf(drillRunErrors)
