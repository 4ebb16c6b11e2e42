// SPDX-License-Identifier: Apache-2.0

import type { Allowance, GuardOrders } from '@sealwatch/contract/guard-config'
import type { Let, Prevention } from './protected-order.ts'

export type PreventionClock = {
  /** Unix time by which allowances end (forward-time.ts). */
  readonly nowMs: number
  /** CLOCK_BOOTTIME. */
  readonly bootNs: bigint
}

/** What the sensor is to have refused; undefined: nothing. `accounts`: names by their numbers. */
export function preventionOf(
  { mode, prevent, allow }: Pick<GuardOrders, 'mode' | 'prevent' | 'allow'>,
  clock: PreventionClock,
  accounts: ReadonlyMap<number, string>,
): Prevention | undefined {
  if (mode !== 'on' || prevent !== 'on') return undefined
  return { allow: allow.flatMap((one) => letsOf(one, clock, accounts)) }
}

/** One for each number that an account's name has: the kernel knows no names. */
function letsOf(
  { exe, uid, user, target, until }: Allowance,
  { nowMs, bootNs }: PreventionClock,
  accounts: ReadonlyMap<number, string>,
): Let[] {
  const leftMs = Date.parse(until) - nowMs
  if (leftMs <= 0 || (exe === undefined && uid === undefined && user === undefined)) return []
  const untilNs = bootNs + BigInt(Math.floor(leftMs)) * 1_000_000n
  const rest = { ...(exe !== undefined && { exe }), ...(target !== undefined && { target }), untilNs }
  if (user === undefined) return [{ ...rest, ...(uid !== undefined && { uid }) }]
  const numbers = [...accounts].flatMap(([number, name]) => (name === user ? [number] : []))
  return numbers.filter((number) => uid === undefined || uid === number).map((number) => ({ ...rest, uid: number }))
}
