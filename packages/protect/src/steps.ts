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

/** What an answer is to. */
type Asked = Pick<Done, 'incident' | 'number'>
/** Of one incident: the greatest number that was told, and of each step its newest order. Without `done`: under way. */
type Known = { told: number; readonly ordered: Map<Step, { readonly number: number; done?: Done }> }

/**
 * Carries out what guards order: each order once, however often it is said (docs/formats/protect.md, 4.3). None waits for
 * another, and nothing that a service throws comes out.
 */
export function createSteps(handlers: Handlers, answer: (done: Done) => void): (order: Order) => void {
  const incidents = new Map<string, Known>()
  let rotating: { readonly work: Promise<unknown>; readonly together: Asked[] } | undefined

  function remember({ incident }: Threat): Known {
    for (const oldest of incidents.keys()) {
      if (incidents.size < incidentsMax) break
      incidents.delete(oldest)
    }
    const known: Known = { told: -1, ordered: new Map() }
    incidents.set(incident, known)
    return known
  }

  /** Of two rotations at once there is one; an eviction begins anew, for keys may have come back since. */
  function perform(step: Step, handler: Handler, threat: Threat, asked: Asked): Promise<unknown> {
    if (step === 'rotate' && rotating !== undefined) {
      rotating.together.push(asked)
      return rotating.work
    }
    const together = [asked]
    const queued = (why: string) => {
      for (const one of together) answer({ done: step, ...one, ok: false, detail: short(`queued: ${why}`) })
    }
    const begun = async () => handler(threat, queued)
    if (step !== 'rotate') return begun()
    const work = begun().finally(() => {
      rotating = undefined
    })
    rotating = { work, together }
    return work
  }

  async function carryOut(step: Step, threat: Threat, asked: Asked): Promise<Done> {
    const handler = handlers[step]
    if (handler === undefined) return { done: step, ...asked, ok: false, detail: 'this service has no such step' }
    try {
      const said = await perform(step, handler, threat, asked)
      return { done: step, ...asked, ok: true, ...(typeof said === 'string' ? { detail: short(said) } : {}) }
    } catch (error) {
      return { done: step, ...asked, ok: false, detail: short(messageOf(error)) }
    }
  }

  return ({ threat, steps, number: given }) => {
    const { incident } = threat
    const known = incidents.get(incident) ?? remember(threat)
    const asked: Asked = { incident, ...(given !== undefined && { number: given }) }
    const number = given ?? 0
    if (number > known.told) tell(handlers.onThreat, threat)
    known.told = Math.max(known.told, number)
    for (const step of steps) {
      const before = known.ordered.get(step)
      if (before !== undefined && number <= before.number) {
        if (before.done !== undefined) answer(before.done)
        continue
      }
      const order: { readonly number: number; done?: Done } = { number }
      known.ordered.set(step, order)
      void carryOut(step, threat, asked).then((done) => {
        order.done = done
        answer(done)
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
