// SPDX-License-Identifier: Apache-2.0

import { messageOf } from '@sealwatch/base/errors'
import { type Done, detailCharsMax, type Order, type Step, type Threat } from './protocol.ts'

/**
 * What a service does about a threat; a text that it returns is told to the guard. `queued` tells, before it returns, that
 * the step waits for something, and for what (docs/formats/protect.md, 4.6).
 */
export type Handler = (threat: Threat, queued: (why: string) => void) => unknown

export type Handlers = Readonly<Partial<Record<Step, Handler | undefined>>> & {
  readonly onThreat?: ((threat: Threat) => unknown) | undefined
}

const incidentsMax = 64

/**
 * Carries out what guards order: each step once for each incident, whatever comes again (docs/formats/protect.md, 4.3).
 * None waits for another, and nothing that a service throws comes out.
 */
export function createSteps(handlers: Handlers, answer: (done: Done) => void): (order: Order) => void {
  // Undefined: under way.
  const incidents = new Map<string, Map<Step, Done | undefined>>()
  let rotating: { readonly work: Promise<unknown>; readonly incidents: string[] } | undefined

  function remember({ incident }: Threat): Map<Step, Done | undefined> {
    for (const oldest of incidents.keys()) {
      if (incidents.size < incidentsMax) break
      incidents.delete(oldest)
    }
    const ordered = new Map<Step, Done | undefined>()
    incidents.set(incident, ordered)
    return ordered
  }

  /** Of two rotations at once there is one; an eviction begins anew, for keys may have come back since. */
  function perform(step: Step, handler: Handler, threat: Threat): Promise<unknown> {
    if (step === 'rotate' && rotating !== undefined) {
      rotating.incidents.push(threat.incident)
      return rotating.work
    }
    const together = [threat.incident]
    const queued = (why: string) => {
      for (const incident of together) answer({ done: step, incident, ok: false, detail: short(`queued: ${why}`) })
    }
    const begun = async () => handler(threat, queued)
    if (step !== 'rotate') return begun()
    const work = begun().finally(() => {
      rotating = undefined
    })
    rotating = { work, incidents: together }
    return work
  }

  async function carryOut(step: Step, threat: Threat): Promise<Done> {
    const { incident } = threat
    const handler = handlers[step]
    if (handler === undefined) return { done: step, incident, ok: false, detail: 'this service has no such step' }
    try {
      const said = await perform(step, handler, threat)
      return { done: step, incident, ok: true, ...(typeof said === 'string' ? { detail: short(said) } : {}) }
    } catch (error) {
      return { done: step, incident, ok: false, detail: short(messageOf(error)) }
    }
  }

  return ({ threat, steps }) => {
    const known = incidents.get(threat.incident)
    const ordered = known ?? remember(threat)
    if (known === undefined) tell(handlers.onThreat, threat)
    for (const step of steps) {
      const done = ordered.get(step)
      if (done !== undefined) answer(done)
      if (ordered.has(step)) continue
      ordered.set(step, undefined)
      void carryOut(step, threat).then((result) => {
        ordered.set(step, result)
        answer(result)
      })
    }
  }
}

/** What goes wrong in there is the service's own affair. */
function tell(onThreat: Handlers['onThreat'], threat: Threat): void {
  const work = async () => onThreat?.(threat)
  work().catch(() => undefined)
}

const short = (text: string) => text.slice(0, detailCharsMax).toWellFormed()
