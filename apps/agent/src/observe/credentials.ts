// SPDX-License-Identifier: Apache-2.0

import { type CredentialsEvent, classify, severities } from '@sealwatch/contract'
import { capabilityNames } from './linux-capabilities.ts'
import type { Common, Of } from './observe.ts'
import { asObject } from './process.ts'
import { describe, seen } from './said.ts'

const hex = (set: bigint) => `0x${set.toString(16)}`

/** docs/formats/event.md, 3.14 */
export function credentialsChanged(observation: Of<'credentials'>, common: Common): CredentialsEvent {
  const { actor, ids, capabilities: now, capabilitiesBefore: before } = observation
  const process = asObject(common.actor.process)
  const gained = capabilityNames(now & ~before)
  const becameRoot = ids.euid === 0 && actor.euid !== 0
  const whom = (uid: number, euid: number, gid: number) => `uid ${uid}, euid ${euid}, gid ${gid}`
  const change = `from ${whom(actor.uid, actor.euid, actor.gid)} to ${whom(ids.uid, ids.euid, ids.gid)}`
  return {
    ...common,
    ...classify('process', 'setUserId'),
    // To take up again what the real id allows anyway, as set-id programs do all the time, is no gain.
    ...severities[becameRoot && actor.uid !== 0 ? 'medium' : 'low'],
    message: `${describe(process)} went ${change}${gained.length > 0 ? `, and gained ${gained.join(', ')}` : ''}`,
    process: { ...process, user: { uid: String(ids.uid) }, euid: ids.euid, group: { uid: String(ids.gid) } },
    unmapped: {
      ...seen(common, 0),
      credentials: ids,
      capabilities_before: hex(before),
      capabilities: hex(now),
      ...(gained.length > 0 && { capabilities_gained: gained }),
    },
  }
}
