// SPDX-License-Identifier: Apache-2.0
// Whom guards let, until when (docs/formats/host-config.md, 6.3): kept with the configuration of a group, and written by nobody's file.

import { randomBytes } from 'node:crypto'
import { type JsonObject, toSeconds } from '@sealwatch/base'
import { type Allowance, allowanceProblems, guardConfigLimits } from '@sealwatch/contract/guard-config'
import type { GroupConfig } from '@sealwatch/contract/host-config'
import type { Recorded } from '../identity/index.ts'
import { fleetError } from './errors.ts'

export type WantedAllowance = Pick<Allowance, 'exe' | 'uid' | 'user' | 'target' | 'until'> & { readonly cause: string }
export type GroupAllowance = Allowance & { readonly group: string }
export type AllowanceWritten = { readonly allowance: GroupAllowance; readonly recorded: Recorded }

/** Those of a group that are not over. */
export const standingIn = ({ guard }: GroupConfig, nowMs: number): readonly Allowance[] =>
  (guard?.allow ?? []).filter(({ until }) => nowMs < Date.parse(until))

/** The same configuration, which lets these and nobody else. */
export function withAllowances({ guard, ...rest }: GroupConfig, allow: readonly Allowance[]): GroupConfig {
  const { allow: _, ...said } = guard ?? {}
  if (allow.length > 0) return { ...rest, guard: { ...said, allow } }
  return guard === undefined || (Object.keys(said).length === 0 && guard.allow !== undefined)
    ? rest
    : { ...rest, guard: said }
}

/** Throws ALLOWANCE_INVALID. */
export function allowanceFrom(
  { cause, ...wanted }: WantedAllowance,
  { by, nowMs }: { readonly by: string; readonly nowMs: number },
): Allowance {
  const allowance = { id: `alw_${randomBytes(6).toString('hex')}`, ...wanted, by, why: cause }
  const endMs = Date.parse(wanted.until)
  const { allowanceMsMax } = guardConfigLimits
  const problems = [
    ...allowanceProblems(allowance, 'allowance'),
    ...(endMs > nowMs && endMs - nowMs <= allowanceMsMax
      ? []
      : [`until: from now on, and at most ${allowanceMsMax / 86_400_000} days ahead`]),
  ]
  if (problems.length === 0) return allowance
  throw fleetError('ALLOWANCE_INVALID', { attempted: 'letting somebody past the guard', received: problems.join('; ') })
}

/** Throws ALLOWANCES_TOO_MANY. */
export function checkAllowances(group: string, allow: readonly Allowance[]): void {
  if (allow.length < guardConfigLimits.allowancesOfGroupMax) return
  const attempted = `letting somebody past the guard of the group ${group}`
  throw fleetError('ALLOWANCES_TOO_MANY', { attempted, received: `${allow.length} that are not over` })
}

/** For the ledger: the name of an account is a person's, maybe, and stands in the configuration alone. */
export const toldOf = ({ id, exe, uid, target, until }: Allowance): JsonObject => ({
  ...{ id, until },
  ...(exe !== undefined && { exe }),
  ...(uid !== undefined && { uid }),
  ...(target !== undefined && { target }),
})

export function whomOf({ id, exe, uid, user, target, until }: Allowance): string {
  const who = [exe, uid === undefined ? undefined : `uid ${uid}`, user === undefined ? undefined : 'an account']
  const whom = who.filter((one) => one !== undefined).join(', as ')
  return `${whom} reach for ${target ?? 'whatever it protects'} until ${toSeconds(until)} (${id})`
}
