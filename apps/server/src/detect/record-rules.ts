// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { type Clock, rfc3339, type SealwatchError } from '@sealwatch/base'
import { actEvent, auditTenant, type ServerVoice } from '../identity/index.ts'
import type { Outbox, Store } from '../store/index.ts'
import { leftOutText, type RulesInForce } from './rulebook.ts'

export type RecordOptions = {
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly clock: Clock
}

/** Of each kind of change, and of files that are wrong, so many are named in a line; all of them are counted. */
const namedMax = 64
const wrongNamedMax = 16

const rowOf = ({ db }: Store) => db.selectFrom('rules_recorded').selectAll().executeTakeFirst()

/** What the ledger was told last; empty: nothing yet. */
export const recordedState = async (store: Store): Promise<string> => (await rowOf(store))?.state ?? ''

/** What is told of once: which rules are in force, and what is wrong with which files. */
export const stateOf = (now: RulesInForce, folders: readonly SealwatchError[]): string =>
  hash('sha256', JSON.stringify([now.digest, ...wrongIn(now, folders)]), 'hex')

const wrongIn = ({ leftOut }: RulesInForce, folders: readonly SealwatchError[]): readonly string[] => [
  ...folders.map(({ attempted, code, received }) => `${code} while ${attempted}: ${received}`),
  ...leftOut.map(leftOutText),
]

/**
 * Says in the ledger of the deployment which rules are in force now, and what is another since it was told last, be it
 * before the server started. Line and row are one transaction: each change is told, and once.
 */
export async function recordRules(
  { store, outbox, voice, clock }: RecordOptions,
  now: RulesInForce,
  folders: readonly SealwatchError[],
): Promise<void> {
  const before = JSON.parse((await rowOf(store))?.rules ?? '{}') as Readonly<Record<string, string>>
  const rules = Object.fromEntries(
    [...now.ruleset.rules, ...now.ruleset.correlations]
      .map(({ id, path }) => [id, now.origins.get(path)?.sha256 ?? ''])
      .toSorted(),
  ) as Readonly<Record<string, string>>
  const wrong = wrongIn(now, folders)
  const came = Object.keys(rules).filter((id) => !Object.hasOwn(before, id))
  const went = Object.keys(before).filter((id) => !Object.hasOwn(rules, id))
  const changed = Object.keys(rules).filter((id) => Object.hasOwn(before, id) && before[id] !== rules[id])
  const counted = [
    ...(came.length === 0 ? [] : [`${came.length} came`]),
    ...(went.length === 0 ? [] : [`${went.length} went`]),
    ...(changed.length === 0 ? [] : [`${changed.length} changed`]),
    ...(wrong.length === 0 ? [] : [`${wrong.length} wrong`]),
  ]
  const timeNs = clock.nowNs()
  const event = actEvent(voice, {
    code: 'rules_changed',
    component: 'detect',
    tenant: auditTenant,
    timeNs,
    by: { name: 'file:rules', requestId: now.digest },
    verb: 'update',
    severity: wrong.length > 0 ? 'high' : 'medium',
    message: `${now.ruleset.rules.length} detection rules are in force${counted.length === 0 ? '' : `: ${counted.join(', ')}`}`,
    entity: { type: 'Detection Rules', uid: now.digest },
    details: {
      rules_digest: now.digest,
      rules_came: came.slice(0, namedMax),
      rules_went: went.slice(0, namedMax),
      rules_changed: changed.slice(0, namedMax),
      rules_wrong: wrong.slice(0, wrongNamedMax),
    },
  })
  const row = { only: 1, state: stateOf(now, folders), rules: JSON.stringify(rules), recorded_at: rfc3339(timeNs) }
  await store.transaction(async (tx) => {
    await tx
      .insertInto('rules_recorded')
      .values(row)
      .onConflict((conflict) => conflict.column('only').doUpdateSet(row))
      .execute()
    await outbox.enqueue(tx, auditTenant, event)
  })
  outbox.ring()
}
