// SPDX-License-Identifier: Apache-2.0

import type { Activity } from '@sealwatch/contract'

type PtraceRow = { readonly name: string; readonly activity: Activity<'process'> }

/**
 * <linux/ptrace.h> (docs/formats/event.md, 3.6). In OCSF's words, what gains hold of a process "with the aim of
 * performing further actions upon that process" is Open; what puts code or registers into it is Inject.
 */
const rows: Readonly<Record<number, PtraceRow>> = {
  0: { name: 'PTRACE_TRACEME', activity: 'open' },
  1: { name: 'PTRACE_PEEKTEXT', activity: 'open' },
  2: { name: 'PTRACE_PEEKDATA', activity: 'open' },
  3: { name: 'PTRACE_PEEKUSR', activity: 'open' },
  4: { name: 'PTRACE_POKETEXT', activity: 'inject' },
  5: { name: 'PTRACE_POKEDATA', activity: 'inject' },
  6: { name: 'PTRACE_POKEUSR', activity: 'inject' },
  12: { name: 'PTRACE_GETREGS', activity: 'open' },
  13: { name: 'PTRACE_SETREGS', activity: 'inject' },
  14: { name: 'PTRACE_GETFPREGS', activity: 'open' },
  15: { name: 'PTRACE_SETFPREGS', activity: 'inject' },
  16: { name: 'PTRACE_ATTACH', activity: 'open' },
  16900: { name: 'PTRACE_GETREGSET', activity: 'open' },
  16901: { name: 'PTRACE_SETREGSET', activity: 'inject' },
  16902: { name: 'PTRACE_SEIZE', activity: 'open' },
}

export function ptraceRequest(request: number): PtraceRow {
  return rows[request] ?? { name: `PTRACE_${request}`, activity: 'open' }
}

/** The child's own call: whoever started it may trace it. */
export function asksToBeTraced(request: number): boolean {
  return rows[request]?.name === 'PTRACE_TRACEME'
}

export function takesHold(request: number): boolean {
  const name = rows[request]?.name
  return name === 'PTRACE_ATTACH' || name === 'PTRACE_SEIZE'
}
