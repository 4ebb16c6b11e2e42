// SPDX-License-Identifier: Apache-2.0
// What an alert lets its reader do next, each as a command to paste.

import type { Json } from '@sealwatch/base/json'
import { commandAt } from '../api.ts'
import type { Place } from '../place.ts'
import { safe, shellWord } from '../terminal.ts'
import type { ReadEntry } from './entry.ts'
import { itemsAt, memberAt, shownAt } from './member.ts'

/** Where most tenants are one, it need not be named. */
const usual = 'default'

export type Said = Pick<ReadEntry, 'event' | 'leafIndex' | 'tenant'>

/** `words` are made safe, and then those of a shell. */
export const commandFor = ({ tenant }: Said, words: readonly string[], place: Place): string =>
  commandAt(
    { place, tenant: tenant === usual ? undefined : tenant, server: undefined },
    words.map((word) => shellWord(safe(word))).join(' '),
  )

/** Of what a rule found in one event: the rule's own account of it. What comes together, no tree tells of. */
export function explainCommand(said: Said, place: Place): string | undefined {
  const info = memberAt(said.event, 'finding_info')
  const rule = shownAt(info, 'analytic', 'uid')
  const leaves = itemsAt(said.event, 'unmapped', 'leaves')
  if (rule === undefined || leaves.length !== 1 || memberAt(info, 'related_events_count') !== 1) return undefined
  return commandFor(said, ['rules', 'explain', rule, '--event', `${said.leafIndex}`], place)
}

export function proofCommand(said: Said, place: Place): string | undefined {
  const uid = shownAt(said.event, 'finding_info', 'uid')
  return uid && commandFor(said, ['audit', 'export', '--alert', uid, '-o', 'alert.bundle'], place)
}

/** The leaf of the event that an alert is about; undefined: it is no alert of a rule. */
export function eventLeafOf(event: Json | undefined): number | undefined {
  const leaf = memberAt(event, 'class_uid') === 2004 ? itemsAt(event, 'unmapped', 'leaves')[0] : undefined
  const index = memberAt(leaf, 'leaf_index')
  return typeof index === 'number' && Number.isSafeInteger(index) ? index : undefined
}
