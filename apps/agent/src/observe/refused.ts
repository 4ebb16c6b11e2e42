// SPDX-License-Identifier: Apache-2.0
// What the kernel did not permit (docs/formats/event.md, 3.22).

import { capabilities, classify, type FileEvent, type KernelEvent, severities } from '@sealwatch/contract'
import { namedFile } from './file.ts'
import { systemCall } from './kernel.ts'
import type { Common, Of } from './observe.ts'
import { describe, outcomeOf, seen } from './said.ts'

/** Of x86-64, by number; of those that are told. */
const calls: Readonly<Record<number, string>> = {
  2: 'open',
  85: 'creat',
  105: 'setuid',
  106: 'setgid',
  113: 'setreuid',
  114: 'setregid',
  117: 'setresuid',
  119: 'setresgid',
  122: 'setfsuid',
  123: 'setfsgid',
  126: 'capset',
  175: 'init_module',
  257: 'openat',
  313: 'finit_module',
  437: 'openat2',
}

/** Of the ids that a call takes; what else lies in the registers nobody asked for. */
const idsOf: Readonly<Record<string, number>> = {
  setuid: 1,
  setgid: 1,
  setreuid: 2,
  setregid: 2,
  setfsuid: 1,
  setfsgid: 1,
  capset: 0,
}

export function callRefused(observation: Of<'refused'>, common: Common): FileEvent | KernelEvent {
  const { what, call, error, asked, path, watched } = observation
  const name = calls[call] ?? `call ${call}`
  const { outcome } = outcomeOf(-error)
  const who = describe(common.actor.process)
  if (path !== null && watched !== null)
    return {
      ...common,
      ...classify('file', 'open'),
      ...severities.low,
      ...outcome,
      message: `${who} was not permitted to open ${path}`,
      file: namedFile(path),
      unmapped: { ...seen(common, 0), syscall: name, access: 'none', watched },
    }
  const ids = asked.slice(0, idsOf[name]).map((id) => String(BigInt.asIntN(32, id)))
  const meant = what === 'module' ? 'to load a module' : `${name}(${ids.join(', ')})`
  return {
    ...common,
    ...classify('kernel', 'invoke'),
    ...severities.low,
    ...outcome,
    message: `${who} was not permitted ${meant}`,
    kernel: systemCall(name, name),
    unmapped: { ...seen(common, capabilities.arguments), refused: { what, asked: ids } },
  }
}
