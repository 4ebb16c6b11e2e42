// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { columns, safe, shellWord, toSecond } from '../terminal.ts'

export type Rotation = Operations['getRotation']['answer']
export type RotatingKey = Rotation['items'][number]
export type Step = 'prove' | 'stage' | 'promote' | 'finish' | 'none'

type Window = Pick<RotatingKey, 'revoked_at' | 'valid_until'>

/** `now`: RFC 3339, as the server writes times. */
export const isOver = ({ revoked_at, valid_until }: Window, now: string): boolean =>
  revoked_at !== null || (valid_until !== null && valid_until <= now)

/** What a person is told: a key that was active and has ended is not. */
export function standingOf(key: Window & Pick<RotatingKey, 'state'>, now: string): string {
  if (!isOver(key, now)) return key.state
  return key.revoked_at === null ? 'expired' : 'revoked'
}

/** Active keys besides the newest one that have no end yet. */
export function unended(items: readonly RotatingKey[], now: string): readonly RotatingKey[] {
  const active = items.filter((key) => key.state === 'active' && !isOver(key, now))
  return active.slice(0, -1).filter(({ valid_until }) => valid_until === null)
}

/** What comes next of a key. */
export function stepOf(key: RotatingKey, items: readonly RotatingKey[], now: string): Step {
  if (isOver(key, now)) return 'none'
  if (key.state === 'candidate') return key.tested_at === null ? 'prove' : 'stage'
  if (key.state === 'staged') return 'promote'
  const newest = items.findLast((one) => one.state === 'active' && !isOver(one, now))
  return newest === key && unended(items, now).length > 0 ? 'finish' : 'none'
}

export function nextOf(step: Step, { producer, key_id }: RotatingKey, tenant: string | undefined): string | undefined {
  const of = `${shellWord(producer)} --id ${shellWord(key_id)}${tenant === undefined ? '' : ` --tenant ${tenant}`}`
  switch (step) {
    case 'prove':
    case 'stage':
      return `./sealwatch rotate start ${of} --key-file KEY`
    case 'promote':
      return `./sealwatch rotate promote ${of}`
    case 'finish':
      return `./sealwatch rotate finish ${of}, as soon as the service signs with it`
    default:
      return undefined
  }
}

/** When it ended, or will. */
export function endOf({ revoked_at, valid_until }: Window): string {
  const end = revoked_at ?? valid_until
  return end === null ? '-' : toSecond(end)
}

export const rotationTable = (items: readonly RotatingKey[], now: string): string =>
  columns([
    ['KEY', 'STATE', 'TESTED', 'FROM', 'UNTIL'],
    ...items.map((key) => [
      safe(key.key_id),
      standingOf(key, now),
      key.tested_at === null ? '-' : toSecond(key.tested_at),
      toSecond(key.valid_from),
      endOf(key),
    ]),
  ])
