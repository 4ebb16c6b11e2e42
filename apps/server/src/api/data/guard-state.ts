// SPDX-License-Identifier: Apache-2.0
// What the guard of a host does, by its own words. It may seal anything: what has another form is left out.

import { guardModes, type guardSteps, stepModes } from '@sealwatch/contract/guard-config'
import type { ApiPorts } from '../ports.ts'
import { isObject } from './entry.ts'
import { objectIn, textIn } from './member.ts'
import { lineOf, linesBack } from './sensor-state.ts'

export type GuardStateOfHost = {
  /** Of the line that says so. */
  readonly since: string
  readonly mode: (typeof guardModes)[number]
  /** Who says so: `server`, `file`, `environment`, `default`. */
  readonly by: string
  /** What sees for it: `ebpf`, `polling`, `none`. */
  readonly tier: string
  readonly responses: Readonly<Record<(typeof guardSteps)[number], (typeof stepModes)[number] | null>>
}

const textMax = 32

/** Of the guard's chain in the tenant `cluster`; null: nobody has said. */
export async function guardState(ports: ApiPorts, chain: string | undefined): Promise<GuardStateOfHost | null> {
  if (chain === undefined) return null
  for await (const leaf of linesBack(ports, ports.ledgers.get('cluster'), chain)) {
    const { time, event } = lineOf(leaf)
    if (!isObject(event) || textIn(objectIn(event, 'metadata'), 'event_code') !== 'guard_mode') continue
    const said = objectIn(objectIn(event, 'unmapped'), 'guard_state')
    const mode = guardModes.find((one) => one === said?.mode)
    if (mode === undefined) continue
    const told = objectIn(said, 'responses')
    const modeOf = (step: string) => stepModes.find((one) => one === told?.[step]) ?? null
    const [by, tier] = [textIn(said, 'by') ?? '', textIn(said, 'tier') ?? '']
    const responses = { kill: modeOf('kill'), evict: modeOf('evict'), rotate: modeOf('rotate') }
    return { since: time, mode, by: by.slice(0, textMax), tier: tier.slice(0, textMax), responses }
  }
  return null
}
