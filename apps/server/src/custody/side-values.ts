// SPDX-License-Identifier: Apache-2.0

import { canonicalize, isSealwatchError, type Log, type LogFields } from '@sealwatch/base'
import { type Side, subjectOf } from '@sealwatch/contract'
import type { PersonalValues, Sealing } from '@sealwatch/keys/sealing'
import type { Line } from '@sealwatch/ledger'

/** A line with the personal values that were held against its commitments. */
export type LineWithValues = { readonly line: Line; readonly leafHash: string; readonly values: Side }

/** The personal values beside the lines of a tenant, sealed person by person. */
export type SideCustody = {
  /**
   * In the order of the lines; undefined where the values cannot be kept, for the line counts without them. Throws
   * KEYS_UNAVAILABLE: the batch must come again.
   */
  seal(tenant: string, lines: readonly LineWithValues[]): Promise<readonly (Uint8Array | undefined)[]>
  /**
   * Canonical JSON of the values whose person was not erased, '' when none is left. Throws SEALED_UNREADABLE or
   * KEYS_UNAVAILABLE.
   */
  open(tenant: string, leafHash: string, sealed: Uint8Array): Promise<string>
}

/** Personal values belong to their line, and to no other. */
const placeOf = (tenant: string, leafHash: string) => `side/${tenant}/${leafHash}`

export function createSideCustody(sealing: Sealing, log: Log): SideCustody {
  const told = new Set<string>()
  /** Once for each tenant and cause: what holds for one batch holds for the next. */
  function tellOnce(message: string, tenant: string, fields: LogFields): void {
    if (told.has(`${tenant} ${message}`)) return
    told.add(`${tenant} ${message}`)
    log.critical(message, { tenant, ...fields })
  }

  return {
    seal: async (tenant, lines) => {
      if (lines.length === 0) return []
      try {
        return await sealing.sealPersonal(
          tenant,
          lines.map(({ line, leafHash, values }) => ({
            place: placeOf(tenant, leafHash),
            values: valuesByPerson(line, values),
          })),
        )
      } catch (error) {
        if (!isSealwatchError(error, 'KEYS_ERASED') && !isSealwatchError(error, 'KEYS_SUBJECTS_FULL')) throw error
        tellOnce(`personal values cannot be sealed and are left out: ${error.code}`, tenant, { error })
        return lines.map(() => undefined)
      }
    },
    open: async (tenant, leafHash, sealed) => {
      const { values, lost } = await sealing.openPersonal(tenant, placeOf(tenant, leafHash), sealed)
      if (lost > 0) {
        const advice = 'restore keys/ as it was; nothing orders these keys to be gone'
        tellOnce('personal values cannot be read, for their keys are not there', tenant, { leafHash, advice })
      }
      const [only, ...others] = values.map((value) => Buffer.from(value).toString('utf8'))
      if (only === undefined || others.length === 0) return only ?? ''
      return canonicalize(Object.assign({}, ...[only, ...others].map((text) => JSON.parse(text) as Side)))
    },
  }
}

function valuesByPerson(line: Line, side: Side): PersonalValues['values'] {
  const pointers = Map.groupBy(Object.keys(side), (pointer) => subjectOf(line, side, pointer))
  return Array.from(pointers, ([subject, own]) => ({
    subject,
    plain: Buffer.from(canonicalize(Object.fromEntries(own.map((pointer) => [pointer, side[pointer]])))),
  }))
}
