// SPDX-License-Identifier: Apache-2.0

import type { JsonObject } from '@sealwatch/base'
import type { KeyTheftReport, Ledger, PlayedAttack } from '@sealwatch/ledger'
import { drillRunError } from './errors.ts'
import { drillLimits } from './limits.ts'

/**
 * Holds what a drill says of its attacks against the ledger: of each there is the line of its incident, which the guard itself sealed as one
 * of this run, and that its attacker was ended and the keys were forgotten and changed. Throws DRILL_UNPROVEN.
 */
export async function proveAttacks(
  ledger: Pick<Ledger, 'readChecked'>,
  size: number,
  { run, attacks }: KeyTheftReport,
  attempted: string,
): Promise<void> {
  const unproven = (received: string) => drillRunError('DRILL_UNPROVEN', { attempted, received })
  const ways = new Set(attacks.map(({ way }) => way))
  const incidents = new Set(attacks.map(({ incident }) => incident))
  if (ways.size < drillLimits.waysMin || incidents.size < attacks.length)
    throw unproven(`${incidents.size} incidents of ${ways.size} ways`)
  for (const attack of attacks)
    for (const [said, leaf] of Object.entries(attack.leaves)) {
      // Where the kernel let nobody reach the memory, its keys stay.
      if (attack.refused && leaf === null && (said === 'evict' || said === 'rotate')) continue
      const event = leaf === null || leaf >= size ? undefined : await eventAt(ledger, leaf)
      if (event === undefined || !says(event, said, attack, run))
        throw unproven(`no line at leaf ${leaf} that says of ${attack.way}: ${said}`)
    }
}

async function eventAt(ledger: Pick<Ledger, 'readChecked'>, leaf: number): Promise<JsonObject | undefined> {
  const [found] = await ledger.readChecked(leaf, 1)
  if (found === undefined) return undefined
  const { event } = JSON.parse(Buffer.from(found.line).toString('utf8')) as { readonly event?: JsonObject }
  return event
}

function says({ unmapped }: JsonObject, said: string, { incident, way }: PlayedAttack, run: string): boolean {
  const { guard_incident: opened, guard_response: done } = membersOf(unmapped)
  if (said !== 'incident') {
    const { incident: of, step, state } = membersOf(done)
    return of === incident && step === said && state === 'done'
  }
  const { incident: id, rehearsal, reached } = membersOf(opened)
  return id === incident && rehearsal === run && Object.hasOwn(membersOf(reached), way)
}

const membersOf = (value: unknown): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
