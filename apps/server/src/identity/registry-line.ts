// SPDX-License-Identifier: Apache-2.0

import { scrubTexts } from '@sealwatch/base'
import type { Body, RegistryChange } from '@sealwatch/ledger'
import type { Selectable } from 'kysely'
import type { Tables } from '../store/index.ts'

export type KeyColumns = Selectable<Tables['signing_keys']>

/** What became of a key, and why: of a revocation alone there is a cause. */
export type KeyChange = {
  readonly change: RegistryChange['change']
  /** RFC 3339 in UTC. */
  readonly changedAt: string
  readonly cause?: string
  readonly compromisedSince?: string | null
}

/** Of UTF-16 units, in a line. */
export const causeCharsMax = 256

/** A key of the registry as it stands after a change: what rows are judged by from that line on (line.md, 5). */
export function registryLine(
  { tenant: _, ended_at: __, ...key }: KeyColumns,
  { change, changedAt, cause, compromisedSince = null }: KeyChange,
): Body {
  const told = cause === undefined ? null : scrubTexts(cause).slice(0, causeCharsMax).toWellFormed()
  const times = { changed_at: changedAt, compromised_since: compromisedSince }
  return { registry: { ...key, ...times, change, cause: told } }
}
