// SPDX-License-Identifier: Apache-2.0
// What changes where paths lead to (docs/formats/event.md, 3.22).

import { capabilities, classify, type MountEvent, severities } from '@sealwatch/contract'
import { namedFile } from './file.ts'
import type { Common, Of } from './observe.ts'
import { describe, outcomeOf, seen } from './said.ts'

export function mountChanged(observation: Of<'mount'>, common: Common): MountEvent {
  const { call, error, flags, source, target } = observation
  const { verb, outcome } = outcomeOf(-error)
  return {
    ...common,
    ...classify('file', call === 'umount' ? 'unmount' : 'mount'),
    ...severities.low,
    ...outcome,
    message: `${describe(common.actor.process)} ${verb} ${call} on ${target || 'nothing'}${source && `: ${source}`}`,
    file: namedFile(target),
    unmapped: {
      ...seen(common, capabilities.objectPath),
      mount: { call, flags: `0x${flags.toString(16)}`, ...(source !== '' && { source }) },
    },
  }
}
