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

const named: Readonly<Record<string, (value: Scalar) => readonly (string | undefined)[]>> = {
  '#record': (value) =>
    recordsByType.get(Number(value)) ?? recordsByClass.get(Math.floor(Number(value) / 100)) ?? ['SYSCALL'],
  '#call': (value) => [callsBySite.get(String(value))],
}

export function isView(step: string | undefined): step is string {
  return step?.startsWith('#') ?? false
}

/** What a value is otherwise known as: `#3` is the fourth word of a text. */
export function viewed(step: string, value: Scalar): readonly Scalar[] {
  const view = named[step] ?? ((text) => [String(text).split(' ')[Number(step.slice(1))]])
  return view(value).filter((seen) => seen !== undefined)
}
