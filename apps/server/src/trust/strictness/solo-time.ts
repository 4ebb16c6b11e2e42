// SPDX-License-Identifier: Apache-2.0

import { parseRfc3339 } from '@sealwatch/base'
import { strictOffSeconds } from '@sealwatch/contract'
import type { OwnAct } from '../vouching/own-act.ts'

/** A line that switches strict signatures of a tenant, and when. */
export type StrictSwitch = { readonly atNs: bigint; readonly act: OwnAct }

const second = 1_000_000_000n
const windowNs = BigInt(strictOffSeconds.windowSeconds) * second
/** No line before it tells of time within the window: without a manifest it lasts for `soloMax` at most. */
export const toldWithinNs = windowNs + BigInt(strictOffSeconds.soloMax) * second

/** For how many seconds of the window that ends now signatures were not enforced, and no manifest stood behind it. Pure. */
export function soloSeconds(switches: readonly StrictSwitch[], nowNs: bigint): number {
  let total = 0n
  for (const [i, { atNs, act }] of switches.entries()) {
    const { expires_at, manifest } = act.details
    if (act.code !== 'strict_off' || typeof manifest === 'string') continue
    const endsNs = parseRfc3339(String(expires_at)) ?? nowNs
    const nextNs = switches[i + 1]?.atNs ?? nowNs
    const fromNs = later(atNs, nowNs - windowNs)
    const untilNs = sooner(sooner(endsNs, nowNs), nextNs)
    if (untilNs > fromNs) total += untilNs - fromNs
  }
  return Number((total + second - 1n) / second)
}

const later = (one: bigint, other: bigint) => (one > other ? one : other)
const sooner = (one: bigint, other: bigint) => (one < other ? one : other)
