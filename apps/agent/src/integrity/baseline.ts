// SPDX-License-Identifier: Apache-2.0

import { readFile } from 'node:fs/promises'
import type { Disk } from '@sealwatch/base'
import type { Health } from '@sealwatch/base/health'
import { type BaselineCheck, readBaselineCheck } from '@sealwatch/contract'

/** What was sealed last of the machine's files. */
export type SealedCheck = BaselineCheck & { readonly isAltered: boolean }

export type Baseline = {
  readonly last: SealedCheck | undefined
  /** The same with what the agent alone knows; undefined: it is sealed already. */
  judge(check: BaselineCheck): SealedCheck | undefined
  /** It is sealed. */
  keep(check: SealedCheck): Promise<void>
}

/** `isTold`: somebody tells of changes. Damage to the file is as if there were none: the next check then says that nobody knows. */
export async function openBaselineState(path: string, disk: Disk, isTold: () => boolean): Promise<Baseline> {
  let last = await readState(path)
  return {
    get last() {
      return last
    },
    judge(check) {
      if (check.digest === last?.digest && check.endedMs === last.endedMs) return undefined
      // Whoever puts other rows in the place of those that were sealed changes what the next look is held against.
      const isAltered = last !== undefined && check.against !== last.digest
      return { ...check, untold: isTold() ? check.untold : null, isAltered }
    },
    async keep(check) {
      last = check
      await disk.replace(path, `${JSON.stringify(check)}\n`, 0o600)
    },
  }
}

async function readState(path: string): Promise<SealedCheck | undefined> {
  try {
    const value = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
    const check = readBaselineCheck(value)
    return check && { ...check, isAltered: value.isAltered === true }
  } catch {
    return undefined
  }
}

/** How old what is known of the machine's files is, and what it said. */
export function showBaseline({ show, metrics }: Health, baseline: Baseline): void {
  show('baseline', () => {
    const { last } = baseline
    const isBad = last !== undefined && (last.isAltered || (last.untold ?? 0) > 0)
    return {
      level: isBad ? 'critical' : 'ok',
      checkedAt: last === undefined ? null : new Date(last.endedMs).toISOString(),
      untold: last?.untold ?? null,
      altered: last?.isAltered ?? false,
    }
  })
  metrics.gauge(
    {
      name: 'sealwatch_baseline_checked_time_seconds',
      help: "When the machine's files were looked at last, and that sealed; 0: never",
    },
    () => (baseline.last?.endedMs ?? 0) / 1000,
  )
}
