// SPDX-License-Identifier: Apache-2.0

import { nameOf } from '../../access/index.ts'
import { type RecordOptions, recordAct } from '../../identity/index.ts'
import type { ApiPorts } from '../ports.ts'
import type { ExportWhat } from './export.ts'

/** What goes out, and whose word it was, stands in the tenant's ledger (LOG-5): an export of everything holds the line. */
export const exportRecorder =
  (options: RecordOptions): ApiPorts['recordExport'] =>
  ({ principal, tenant, requestId }, what, reveal) => {
    const exported = textOf(what)
    return recordAct(
      options,
      {
        code: 'events_exported',
        component: 'api',
        tenant,
        by: { name: nameOf(principal), requestId },
        verb: 'create',
        severity: reveal ? 'medium' : 'low',
        message: `${exported} of the tenant ${tenant} was exported${reveal ? ', personal values included' : ''}`,
        entity: { type: 'Export', uid: requestId },
        details: { exported, revealed: reveal },
      },
      async () => undefined,
    )
  }

/** Whose names were looked at, and by whom: a line, or a list of them. */
export const revealRecorder =
  (options: RecordOptions): ApiPorts['recordReveal'] =>
  ({ principal, tenant, requestId }, what) =>
    recordAct(
      options,
      {
        code: 'values_revealed',
        component: 'api',
        tenant,
        by: { name: nameOf(principal), requestId },
        verb: 'read',
        severity: 'low',
        message: `personal values of ${what} in the tenant ${tenant} were shown`,
        entity: { type: 'Personal Values', uid: requestId },
        details: { exported: what, revealed: true },
      },
      async () => undefined,
    )

function textOf(what: ExportWhat): string {
  if ('alert' in what) return `the alert ${what.alert}`
  if ('incident' in what) return `the incident ${what.incident}`
  if ('leaf' in what) return `line ${what.leaf}`
  return 'all' in what ? 'everything' : `everything since ${new Date(what.sinceMs).toISOString()}`
}
