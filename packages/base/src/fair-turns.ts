// SPDX-License-Identifier: Apache-2.0

import type { Clock } from './clock.ts'

/** Pieces of work that take the time of one thread, one after the other, in an order that nobody turns to their favour. */
export type FairTurns = {
  /**
   * Resolves when it is the turn of this piece; what it resolves with ends the turn, and again does nothing. The pieces of one
   * member come in the order in which they asked.
   */
  take(group: string, member: string, cost: number): Promise<() => void>
}

type Piece = { readonly cost: number; readonly begin: () => void }
/** `had`: what it has had, or would have had if it had never rested. */
type Flow = { had: number; waiting: number }
type Member = Flow & { readonly pieces: Piece[] }
type Group = Flow & { readonly members: Flows<Member> }
/** `now`: what whoever was served last had before. */
type Flows<T extends Flow> = { now: number; sweepAt: number; readonly named: Map<string, T> }

/** Of whom nothing waits, at most: each deletion from a map in use is work for the next full collection. */
const restingMax = 1_024

/**
 * Start-time fair queueing (Goyal, Vin, Cheng 1996) over groups, and over the members of each: whoever has had least is next,
 * and whoever comes back from a rest begins where the others are. So who asks for little waits for the piece under way, and
 * not for the thousand that another one has waiting. After pieces of `atOnce` together everything else has a turn: what comes
 * in by then is in time for the next one.
 */
export function createFairTurns({ sleep }: Pick<Clock, 'sleep'>, atOnce: number): FairTurns {
  const groups = flowsOf<Group>()
  let left = atOnce
  let isBusy = false

  function next(): void {
    const group = leastOf(groups)
    const member = group && leastOf(group.members)
    const piece = member?.pieces.shift()
    isBusy = piece !== undefined
    if (piece === undefined) return
    serve(groups, group as Group, piece)
    serve((group as Group).members, member as Member, piece)
    left -= piece.cost
    piece.begin()
  }

  async function end(): Promise<void> {
    if (left <= 0) {
      await sleep(0)
      left = atOnce
    }
    next()
  }

  return {
    take: (name, memberName, cost) =>
      new Promise((resolve) => {
        const group = join(groups, name, (flow) => ({ ...flow, members: flowsOf<Member>() }))
        const member = join(group.members, memberName, (flow) => ({ ...flow, pieces: [] }))
        let isOver = false
        const over = () => {
          if (isOver) return
          isOver = true
          void end()
        }
        member.pieces.push({ cost, begin: () => resolve(over) })
        if (!isBusy) next()
      }),
  }
}

const flowsOf = <T extends Flow>(): Flows<T> => ({ now: 0, sweepAt: restingMax, named: new Map() })

function join<T extends Flow>(flows: Flows<T>, name: string, made: (flow: Flow) => T): T {
  const { now, named } = flows
  const known = named.get(name)
  const flow = known ?? made({ had: now, waiting: 0 })
  if (known === undefined) {
    if (named.size >= flows.sweepAt) sweep(flows)
    named.set(name, flow)
  }
  if (flow.waiting === 0 && flow.had < now) flow.had = now
  flow.waiting += 1
  return flow
}

function sweep<T extends Flow>(flows: Flows<T>): void {
  const { now, named } = flows
  for (const [name, { waiting, had }] of named) if (waiting === 0 && had <= now) named.delete(name)
  flows.sweepAt = named.size + restingMax
}

function leastOf<T extends Flow>({ named }: Flows<T>): T | undefined {
  let least: T | undefined
  for (const flow of named.values()) if (flow.waiting > 0 && (least === undefined || flow.had < least.had)) least = flow
  return least
}

function serve<T extends Flow>(flows: Flows<T>, flow: T, { cost }: Piece): void {
  flows.now = flow.had
  flow.had += cost
  flow.waiting -= 1
}
