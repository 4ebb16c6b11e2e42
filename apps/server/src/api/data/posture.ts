// SPDX-License-Identifier: Apache-2.0
// How a host's kernel protects itself, by the host's own words. It may seal anything: what has another form is left out.

import type { ApiPorts } from '../ports.ts'
import { isObject } from './entry.ts'
import { lineOf, linesBack } from './sensor-state.ts'

export type PostureState = {
  /** Of the line that says so. */
  readonly since: string
  /** null: the kernel has none, or does not show it. */
  readonly settings: readonly { readonly name: string; readonly value: string | null }[]
}

const settingsMax = 64
const valueCharsMax = 256

/** Of the chain in the tenant `cluster`; null: nobody has said. */
export async function postureState(ports: ApiPorts, chain: string | undefined): Promise<PostureState | null> {
  if (chain === undefined) return null
  for await (const leaf of linesBack(ports, ports.ledgers.get('cluster'), chain)) {
    const { time, event } = lineOf(leaf)
    if (!isObject(event) || !isObject(event.metadata) || event.metadata.event_code !== 'posture') continue
    const { posture } = isObject(event.unmapped) ? event.unmapped : {}
    const settings = Object.entries(isObject(posture) ? posture : {}).flatMap(([name, value]) =>
      /^[a-z_/]{1,64}$/.test(name) && (value === null || typeof value === 'string')
        ? [{ name, value: value?.slice(0, valueCharsMax) ?? null }]
        : [],
    )
    return { since: time, settings: settings.slice(0, settingsMax) }
  }
  return null
}
