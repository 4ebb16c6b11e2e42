// SPDX-License-Identifier: Apache-2.0
// Tests only: the finding that a read of /etc/shadow becomes (vectors/events/finding-create.json).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FileEvent, LeafRef, Side } from '@sealwatch/contract'
import { findingFor } from './finding.ts'
import { evaluate, loadRules } from './ruleset.ts'

const root = join(import.meta.dirname, '../../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

export const sampleLeaf: LeafRef = {
  tenant: 'default',
  chain: '00112233445566778899aabbccddeeff',
  seq: 41,
  leaf_index: 97,
  leaf_hash: 'c0ffee'.padEnd(64, '0'),
}
export const sampleSide: Side = { '/event/actor/user/name': { salt: '0f'.repeat(16), value: 'root' } }
export const sampleCreatedMs = 1_790_000_090_250

/** The golden read of /etc/shadow as its line has it: the user's name is a commitment. */
export function sampleSealedEvent(): FileEvent {
  const event = JSON.parse(read('vectors/events/file-read.json')) as FileEvent
  return { ...event, actor: { ...event.actor, user: { uid: '0', name: `commit:${'ab'.repeat(32)}` } } } as FileEvent
}

export function sampleFinding() {
  const { ruleset } = loadRules([{ path: 'shadow-read.yml', text: read('rules/shadow-read.yml') }])
  const event = sampleSealedEvent()
  const [match] = evaluate(ruleset, event, sampleSide)
  if (match === undefined) throw new Error('the rule did not fire')
  return findingFor(match, { event, side: sampleSide, leaf: sampleLeaf, createdMs: sampleCreatedMs })
}
