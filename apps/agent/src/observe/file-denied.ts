// SPDX-License-Identifier: Apache-2.0

import {
  type Access,
  type Activity,
  capabilities,
  classify,
  type FileEvent,
  type Outcome,
  severities,
} from '@sealwatch/contract'
import type { FileWay } from '@sealwatch/detect/policy'
import { denied } from '../policies/judge.ts'
import { fileOf } from './file.ts'
import type { Common, ObserveContext, Of } from './observe.ts'
import { describe, seen } from './said.ts'

const refused: Outcome = { status_id: 2, status: 'Failure', status_code: 'EPERM' }

/** To run a file is to read it. */
const ways: Readonly<
  Record<FileWay, { readonly activity: Activity<'file'>; readonly access: Access; readonly words: string }>
> = {
  unknown: { activity: 'open', access: 'unknown', words: 'open' },
  read: { activity: 'read', access: 'read', words: 'read' },
  write: { activity: 'update', access: 'write', words: 'write' },
  read_write: { activity: 'update', access: 'read_write', words: 'read and write' },
  run: { activity: 'read', access: 'read', words: 'run' },
}

/** A file that was not opened, for a policy denies it: event.md, 3.21. */
export function fileDeniedEvent(observation: Of<'file_denied'>, common: Common, { ruleOf }: ObserveContext): FileEvent {
  const { way, file, watched, table, rule, repeats, unsure = 0 } = observation
  const { activity, access, words } = ways[way]
  const { xattributes, ...known } = fileOf(file)
  const told: FileEvent = {
    ...common,
    ...classify('file', activity),
    ...severities.medium,
    ...refused,
    message: `${describe(common.actor.process)} was not permitted to ${words} ${file.path}`,
    file: known,
    ...(repeats > 0 && { count: repeats + 1 }),
    unmapped: {
      ...seen(common, (capabilities.objectPath | capabilities.objectIdentity) & ~unsure),
      access,
      watched,
    },
  }
  const by = ruleOf(table, rule)
  return by === undefined ? told : (denied(told, by, 'blocked') as FileEvent)
}
