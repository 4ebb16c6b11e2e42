// SPDX-License-Identifier: Apache-2.0
// Tests only: protected processes, and who reaches for them.

import { sampleTask, service } from '../observe/sample-observations.ts'
import type { Task } from '../sources/observation.ts'
import type { Act, ProtectedProcess } from './act.ts'
import { type Way, ways } from './ways.ts'

export const vault: ProtectedProcess = {
  ...{ pid: service.pid, startNs: service.startNs, comm: service.comm },
  name: 'vault',
  exe: '/usr/sbin/keyservice',
  steps: ['kill', 'evict', 'rotate'],
}

/** Of no log-in, as what a service starts. */
export const thief: Task = sampleTask({ comm: 'reader', exe: '/tmp/renamed', sessionId: null, loginUid: null })

export const actAt = 90_000_000_000n

export function sampleAct(way: Way, change: Partial<Act> = {}): Act {
  const timeNs = change.timeNs ?? actAt
  const rest = {
    reader: undefined,
    timeNs,
    lastNs: timeNs,
    times: 1,
    bytes: 0,
    error: 0,
    prevention: undefined,
    detail: '',
  }
  return { way, severity: ways[way].severity, aim: vault, actor: thief, ...rest, ...change }
}
