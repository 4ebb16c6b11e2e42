// SPDX-License-Identifier: Apache-2.0

import { eventClasses, typeUidOf } from '@sealwatch/contract'

export type Scalar = string | number | boolean

/** The types of auditd's records that an event of ours stands for. */
const recordsByType = new Map([[typeUidOf('process', 'launch'), ['SYSCALL', 'EXECVE', 'PATH', 'PROCTITLE']]])
const recordsByClass = new Map<number, readonly string[]>([[eventClasses.file.uid, ['SYSCALL', 'PATH']]])

/** The system calls that the sensor's sites stand for, where it is one alone. */
const callsBySite = new Map(
  Object.entries({
    exec: 'execve',
    ...Object.fromEntries(
      ['ptrace', 'process_vm_readv', 'process_vm_writev', 'connect', 'bind', 'listen'].map((call) => [call, call]),
    ),
  }),
)

type View = {
  readonly of: (value: Scalar) => readonly (string | undefined)[]
  /** All that it may give. */
  readonly texts: readonly string[]
}

const named: Readonly<Record<string, View>> = {
  '#record': {
    of: (value) =>
      recordsByType.get(Number(value)) ?? recordsByClass.get(Math.floor(Number(value) / 100)) ?? ['SYSCALL'],
    texts: [...recordsByType.values(), ...recordsByClass.values()].flat(),
  },
  '#call': { of: (value) => [callsBySite.get(String(value))], texts: [...callsBySite.values()] },
}

/** Whether a view may give a text of which this is a part, in lower case. */
export function mayGive(step: string, part: string): boolean {
  return named[step]?.texts.some((text) => text.toLowerCase().includes(part)) ?? true
}

export function isView(step: string | undefined): step is string {
  return step?.startsWith('#') ?? false
}

/** What a value is otherwise known as: `#3` is the fourth word of a text. */
export function viewed(step: string, value: Scalar): readonly Scalar[] {
  const seen = named[step]?.of(value) ?? [String(value).split(' ')[Number(step.slice(1))]]
  return seen.filter((one) => one !== undefined)
}
