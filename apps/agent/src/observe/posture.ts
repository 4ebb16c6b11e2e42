// SPDX-License-Identifier: Apache-2.0
// How a host's kernel protects itself, as events (docs/formats/event.md, 7.5).

import {
  classify,
  draftOf,
  type EventDraft,
  type PostureEffect,
  type PostureEvent,
  severities,
} from '@sealwatch/contract'
import { type Posture, type PostureSetting, postureSettings } from '../sources/posture.ts'
import { metadataOf, type RecordContext, unixMs } from './context.ts'

export type PostureChange = {
  readonly setting: PostureSetting
  readonly before: string | null
  readonly after: string | null
}

/** Values from the weakest on; null where the protection is not there at all. */
const strictness: Readonly<Partial<Record<PostureSetting, readonly (string | null)[]>>> = {
  lockdown: [null, 'none', 'integrity', 'confidentiality'],
  'kernel/yama/ptrace_scope': [null, '0', '1', '2', '3'],
  // 2 is off until root turns it on again, 1 for good.
  'kernel/unprivileged_bpf_disabled': ['0', '2', '1'],
  'fs/suid_dumpable': ['1', '2', '0'],
  'kernel/kptr_restrict': ['0', '1', '2'],
  'kernel/dmesg_restrict': ['0', '1'],
  'kernel/modules_disabled': ['0', '1'],
  'kernel/randomize_va_space': ['0', '1', '2'],
}

/** Whether a host protects itself less by it. */
export function effectOf({ setting, before, after }: PostureChange): PostureEffect {
  if (setting === 'lsm') return effectOfModules(listOf(before), listOf(after))
  // What dumps are piped into the kernel starts as root.
  if (setting === 'kernel/core_pattern') return after?.startsWith('|') ? 'weaker' : 'other'
  const order = strictness[setting] ?? []
  const [from, to] = [order.indexOf(before), order.indexOf(after)]
  if (from < 0 || to < 0) return 'other'
  return to < from ? 'weaker' : 'stronger'
}

const listOf = (value: string | null) => new Set((value ?? '').split(',').filter((name) => name !== ''))

function effectOfModules(before: ReadonlySet<string>, after: ReadonlySet<string>): PostureEffect {
  if (before.difference(after).size > 0) return 'weaker'
  return after.difference(before).size > 0 ? 'stronger' : 'other'
}

export const changesBetween = (before: Partial<Posture>, after: Posture): PostureChange[] =>
  postureSettings.flatMap((setting) => {
    const known = before[setting]
    return known === undefined || known === after[setting] ? [] : [{ setting, before: known, after: after[setting] }]
  })

/** All of it: at each start of the agent, and after each change. In the tenant `cluster`, among the host's other words about itself. */
export function postureFound(timeNs: bigint, posture: Posture, context: RecordContext): EventDraft<PostureEvent> {
  const said = postureSettings.map((setting) => `${setting} ${posture[setting] ?? 'unknown'}`)
  return record('posture', '', timeNs, context, {
    ...classify('posture', 'collect'),
    ...severities.informational,
    message: `the kernel says of its protections: ${said.join('; ')}`,
    unmapped: { posture },
  })
}

/** One setting, in the machine's tenant. */
export function postureChanged(
  timeNs: bigint,
  change: PostureChange,
  context: RecordContext,
): EventDraft<PostureEvent> {
  const { setting, before, after } = change
  const effect = effectOf(change)
  return record('posture_changed', `:${setting}`, timeNs, context, {
    ...classify('posture', 'log'),
    ...(effect === 'weaker' ? severities.high : severities.low),
    message: `${setting} is ${after ?? 'unknown'}, and was ${before ?? 'unknown'}${effect === 'other' ? '' : `: the host protects itself ${effect === 'weaker' ? 'less' : 'more'}`}`,
    unmapped: { posture_change: { ...change, effect } },
  })
}

type Said = Omit<PostureEvent, 'time' | 'metadata' | 'device' | 'actor'>

function record(
  code: string,
  of: string,
  timeNs: bigint,
  context: RecordContext,
  said: Said,
): EventDraft<PostureEvent> {
  const event = {
    ...said,
    time: unixMs(timeNs, context),
    metadata: metadataOf({ code, component: 'agent', timeNs, by: `${code}${of}` }, context),
    device: context.device,
    actor: { app_name: 'sealwatch-agent' },
  }
  return draftOf(event, timeNs + context.bootOffsetNs)
}
