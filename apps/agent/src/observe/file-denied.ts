// SPDX-License-Identifier: Apache-2.0

import { capabilities, classify, type FileEvent, type Outcome, severities } from '@sealwatch/contract'
import { denied } from '../policies/judge.ts'
import { fileOf } from './file.ts'
import type { Common, ObserveContext, Of } from './observe.ts'
import { describe, seen } from './said.ts'

const refused: Outcome = { status_id: 2, status: 'Failure', status_code: 'EPERM' }

/** A file that was not opened, or run, for a policy denies it: event.md, 3.21. What it was to be opened for the kernel does not say. */
export function fileDeniedEvent(observation: Of<'file_denied'>, common: Common, { ruleOf }: ObserveContext): FileEvent {
  const { act, file, watched, table, rule, repeats, unsure = 0 } = observation
  const { xattributes, ...known } = fileOf(file)
  const told: FileEvent = {
    ...common,
    ...classify('file', act === 'run' ? 'read' : 'open'),
    ...severities.medium,
    ...refused,
    message: `${describe(common.actor.process)} was not permitted to ${act} ${file.path}`,
    file: known,
    ...(repeats > 0 && { count: repeats + 1 }),
    unmapped: {
      ...seen(common, (capabilities.objectPath | capabilities.objectIdentity) & ~unsure),
      access: act === 'run' ? 'read' : 'unknown',
      watched,
    },
  }
  const by = ruleOf(table, rule)
  return by === undefined ? told : (denied(told, by, 'blocked') as FileEvent)
}
