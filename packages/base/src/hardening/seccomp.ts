// SPDX-License-Identifier: Apache-2.0

import { CallFailed, type Libc } from './libc.ts'
import { deniedCalls, type Numbers } from './syscalls.ts'

/** <linux/audit.h>, and the number of seccomp(2). */
const machines = {
  x64: { audit: 0xc000_003e, seccomp: 317 },
  arm64: { audit: 0xc000_00b7, seccomp: 277 },
} as const
type Machine = keyof typeof machines

// <linux/bpf_common.h>, <linux/seccomp.h>
const [LD_ABS, JEQ, JGE, RET] = [0x20, 0x15, 0x35, 0x06]
const ALLOW = 0x7fff_0000
const EPERM = 0x0005_0001
const [nrOffset, archOffset] = [0, 4]
/** x86-64 takes the calls of x32 beside its own, under numbers from here on. */
const X32 = 0x4000_0000
const SET_MODE_FILTER = 1
const FLAG_TSYNC = 1
const FLAG_LOG = 2

type Step = { readonly code: number; readonly k: number; readonly yes?: number; readonly no?: number }

export type DeniedCalls = Readonly<Record<string, Numbers>>

/** The filter as the kernel reads it: calls of another architecture, x32, those in `deniedCalls` and those in `more` end in EPERM. */
export function denyFilter(machine: Machine, more: DeniedCalls = {}): Uint8Array<ArrayBuffer> {
  const numbers = Object.values({ ...deniedCalls, ...more }).map((row) => row[machine])
  const tests: { code: number; k: number }[] = [
    ...(machine === 'x64' ? [{ code: JGE, k: X32 }] : []),
    ...numbers.map((k) => ({ code: JEQ, k })),
  ]
  const steps: Step[] = [
    { code: LD_ABS, k: archOffset },
    { code: JEQ, k: machines[machine].audit, no: tests.length + 2 },
    { code: LD_ABS, k: nrOffset },
    // Each that is met leads over the others, and over the step that allows.
    ...tests.map((test, i) => ({ ...test, yes: tests.length - i })),
    { code: RET, k: ALLOW },
    { code: RET, k: EPERM },
  ]
  const view = new DataView(new ArrayBuffer(steps.length * 8))
  for (const [i, { code, k, yes = 0, no = 0 }] of steps.entries()) {
    view.setUint16(i * 8, code, true)
    view.setUint8(i * 8 + 2, yes)
    view.setUint8(i * 8 + 3, no)
    view.setUint32(i * 8 + 4, k, true)
  }
  return new Uint8Array(view.buffer)
}

/** Refuses `deniedCalls`, and `more`, to all threads of this process and to all it starts; the kernel's audit log tells of each. */
export function denyCalls(libc: Libc, machine: string, more?: DeniedCalls): void {
  if (!Object.hasOwn(machines, machine)) throw new CallFailed(`no table of system calls for ${machine}`)
  const filter = denyFilter(machine as Machine, more)
  // struct sock_fprog
  const program = new DataView(new ArrayBuffer(16))
  program.setUint16(0, filter.length / 8, true)
  program.setBigUint64(8, libc.pointerTo(filter), true)
  const at = libc.pointerTo(new Uint8Array(program.buffer))
  const refusing = libc.syscall(
    'seccomp',
    machines[machine as Machine].seccomp,
    SET_MODE_FILTER,
    FLAG_TSYNC | FLAG_LOG,
    at,
  )
  if (refusing !== 0) throw new CallFailed(`seccomp: thread ${refusing} has a filter of its own`)
}
