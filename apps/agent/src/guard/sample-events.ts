// SPDX-License-Identifier: Apache-2.0
// Tests only: what the guard seals, one of each kind (vectors/events).

import type { GuardEvent } from '@sealwatch/contract'
import { sampleContext } from '../observe/sample-observations.ts'
import {
  allowedRecord,
  type GuardContext,
  incidentRecord,
  protectedRecord,
  refusedRecord,
  responseRecord,
  stateRecord,
  unprotectedRecord,
} from './events.ts'
import { createIncidents, type IncidentGrowth, type IncidentNews } from './incident.ts'
import { actAt, sampleAct, thief, vault } from './sample-acts.ts'

const incident = 'inc_0123456789abcdef'
const second = 1_000_000_000n

/** Each context remembers the attacker as it was seen. */
function contextOf(): GuardContext {
  const context = sampleContext()
  context.processes.learn({ kind: 'exit', exitCode: 0, signal: 0, actor: thief, timeNs: actAt, truncated: false })
  return context
}

export function sampleGuardEvents(): Readonly<Record<string, GuardEvent>> {
  const context = contextOf()
  const incidents = createIncidents(() => incident)
  const told = (news: readonly (IncidentNews | IncidentGrowth)[], atNs: bigint) => {
    const [first] = news
    if (first === undefined || first.kind === 'joined') throw new Error('no news')
    return incidentRecord(atNs, first, context).event
  }
  const reader = { pid: 1500, startNs: 89_500_000_000n, comm: 'second', ppid: 1 }
  const opened = told(incidents.take(sampleAct('ptrace_seize', { detail: 'PTRACE_SEIZE' }), actAt), actAt)
  const refused = sampleAct('vm_read', { timeNs: actAt + 1n, error: 1 })
  incidents.take(refused, actAt + 1n)
  const handed = sampleAct('memory_descriptor_passed', { timeNs: actAt + second, reader, detail: '/proc/900/mem' })
  const updated = told(incidents.take(handed, actAt + second), actAt + second)
  incidents.take(sampleAct('vm_read', { timeNs: actAt + 2n * second, bytes: 4096, times: 8 }), actAt + 2n * second)
  const closed = told(incidents.end(), actAt + 33n * second)
  const graver = createIncidents(() => incident)
  graver.take(sampleAct('stopped', { detail: 'SIGSTOP' }), actAt)
  const risen = told(graver.take(sampleAct('proc_mem_read', { timeNs: actAt + 1n }), actAt + 1n), actAt + 1n)

  const protection = { process: vault, by: 'self', id: 'prt_0123456789abcdef' }
  const audit = [{ finding: 'core_limit', severity: 'medium', advice: 'Set LimitCORE=0' }] as const
  const response = { incident, aim: vault } as const
  const suspect = { pid: thief.pid, startNs: thief.startNs, comm: thief.comm, exe: thief.exe }
  const kill = { ...response, step: 'kill', suspect, tree: true } as const
  const state = {
    mode: 'on',
    prevent: 'off',
    responses: { kill: 'dry-run', evict: 'on', rotate: 'on' },
    by: 'default',
  } as const
  const until = '2026-11-23T12:00:00Z'
  const allowance = { id: 'a1', exe: '/tmp/renamed', until, by: 'usr_0123456789abcdef0123', why: 'a crash' }
  const drafts = {
    'guard-killed': responseRecord(actAt, { ...kill, state: 'done', since_act_ms: 3, took_ms: 1 }, context),
    'guard-kill-spared': responseRecord(actAt, { ...kill, state: 'spared', detail: 'it is protected itself' }, context),
    'guard-rotation-queued': responseRecord(
      actAt,
      { ...response, step: 'rotate', state: 'queued', detail: 'queued: the KMS does not answer' },
      context,
    ),
    'guard-protected': protectedRecord(actAt, protection, audit, context),
    'guard-unprotected': unprotectedRecord(actAt, protection, 'ended', context),
    'guard-mode': stateRecord(actAt, { ...state, tier: 'ebpf' }, { ...context, tenant: 'cluster' }),
    'guard-mode-off': stateRecord(
      actAt,
      { ...state, mode: 'off', by: 'environment', tier: 'polling', before: 'on' },
      { ...context, tenant: 'cluster' },
    ),
    'guard-config-refused': refusedRecord(
      actAt,
      { code: 'GUARD_CONFIG_REPLAYED', received: 'version 7 was taken', version: 7 },
      { ...context, tenant: 'cluster' },
    ),
    'guard-allowed': allowedRecord(actAt, { allowance, act: sampleAct('ptrace_attach'), times: 2 }, context),
  }
  return {
    'guard-incident-opened': opened,
    'guard-incident-updated': updated,
    'guard-incident-graver': risen,
    'guard-incident-closed': closed,
    ...Object.fromEntries(Object.entries(drafts).map(([name, { event }]) => [name, event])),
  }
}
