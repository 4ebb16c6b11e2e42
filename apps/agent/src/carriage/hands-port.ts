// SPDX-License-Identifier: Apache-2.0

import type { HandsPort, HandsSaid } from '../ship/configure.ts'
import type { AgentEnd } from './agent-end.ts'

/** What the hands have, as their guard says, and the way of a standing order to them. */
export function handsPort(guard: Pick<AgentEnd, 'state' | 'changed' | 'deliver'>): HandsPort {
  const now = (): HandsSaid | undefined => {
    const { state } = guard
    if (state === undefined || state.hands === null) return undefined
    const { order, refused } = state.hands
    return {
      guardKey: Uint8Array.fromHex(state.commandKey),
      version: order?.version ?? 0,
      digest: order?.digest ?? '',
      refusedWhy: refused ?? '',
    }
  }
  const said = () => JSON.stringify(now() ?? null)
  return {
    now,
    // Of all else that the guard says the server hears in its chains.
    changed: async (signal) => {
      for (const before = said(); !signal.aborted && said() === before; ) await guard.changed(signal)
    },
    take: (envelope) => guard.deliver({ kind: 'standing_order', envelope, identity: '' }),
  }
}
