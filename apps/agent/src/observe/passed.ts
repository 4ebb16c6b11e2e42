// SPDX-License-Identifier: Apache-2.0
// Descriptors that came over a unix socket (docs/formats/event.md, 3.22).

import { capabilities, classify, type FileEvent, severities } from '@sealwatch/contract'
import { accessOf, namedFile } from './file.ts'
import type { Common, ObserveContext, Of } from './observe.ts'
import { rememberedProcess } from './process.ts'
import { describe, seen } from './said.ts'

export function descriptorPassed(observation: Of<'passed'>, common: Common, context: ObserveContext): FileEvent {
  const { sender, descriptor, flags, path, watched } = observation
  const process = rememberedProcess(sender, context)
  const by = sender.pid === 0 ? 'somebody who is not known' : describe(process)
  return {
    ...common,
    ...classify('file', 'open'),
    ...severities[watched === null ? 'medium' : 'low'],
    message: `${describe(common.actor.process)} was given a descriptor of ${path} by ${by}`,
    file: namedFile(path),
    access_mask: flags,
    unmapped: {
      ...seen(common, capabilities.objectPath),
      access: accessOf(flags),
      ...(watched !== null && { watched }),
      passed: {
        ...(descriptor !== null && { descriptor }),
        ...(sender.pid !== 0 && { by: process.uid, ...(process.file?.path && { by_path: process.file.path }) }),
      },
    },
  }
}
