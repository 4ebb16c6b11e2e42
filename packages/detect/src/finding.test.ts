// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { canonicalize } from '@sealwatch/base/json'
import { commitmentForm, type FileEvent, limits, techniqueOf } from '@sealwatch/contract'
import { findingFor, findingUid } from './finding.ts'
import { evaluate, loadRules } from './ruleset.ts'
import { sampleCreatedMs, sampleFinding, sampleLeaf, sampleSealedEvent, sampleSide } from './sample-finding.ts'

test('a finding names rule, technique, actor, object, reasons and the leaf it rests on', () => {
  const { event } = sampleFinding()
  assert.deepEqual(event.finding_info.attacks.map(techniqueOf), [
    { uid: 'T1003.008', name: '/etc/passwd and /etc/shadow' },
  ])
  assert('process' in event.actor)
  assert.deepEqual([event.actor.process.pid, event.actor.process.file?.path], [1300, '/usr/bin/cat'])
  assert.equal(event.evidences[0]?.file?.path, '/etc/shadow')
  assert.deepEqual(event.unmapped.leaves, [sampleLeaf])
  assert.deepEqual(event.evidences[0]?.data.reasons, [
    { selection: 'selection', field: 'Access', attribute: '/event/unmapped/access', value: 'read' },
    { selection: 'selection', field: 'WatchedFile', attribute: '/event/unmapped/watched', value: '/etc/shadow' },
  ])
})

test('a finding has the technique that its event tells, and that of its rule where that tells none', () => {
  const { ruleset } = loadRules([
    {
      path: 'any.yml',
      text: `${byUser.replace('User: root', 'TargetFilename|exists: false')}tags: [attack.t1003.007]\n`,
    },
  ])
  const techniquesOf = (attacks: unknown) => {
    const event = { type_uid: 100_102, finding_info: { attacks } }
    const [match] = evaluate(ruleset, event)
    assert(match)
    const finding = findingFor(match, { event, side: {}, leaf: sampleLeaf, createdMs: sampleCreatedMs }).event
    return finding.finding_info.attacks.map((attack) => [techniqueOf(attack)?.uid, attack.tactic?.name])
  }
  const ptrace = {
    technique: { uid: 'T1055' },
    sub_technique: { uid: 'T1055.008', name: 'x' },
    tactic: { uid: 'TA0005' },
  }
  assert.deepEqual(techniquesOf([ptrace]), [['T1055.008', 'Stealth']])
  const ofRule = [['T1003.007', undefined]]
  for (const odd of [undefined, {}, [], [null, 1, { technique: 'T1055' }, { technique: { uid: 'x' } }]])
    assert.deepEqual(techniquesOf(odd), ofRule)
})

test('it is the golden finding', () => {
  const path = join(import.meta.dirname, '../../../vectors/events/finding-create.json')
  const rewrite = 'run `node tools/write-event-vectors.ts` and review the difference'
  assert.deepEqual(JSON.parse(JSON.stringify(sampleFinding().event)), JSON.parse(readFileSync(path, 'utf8')), rewrite)
})

test('the same rule and leaf make the same uid, another of either another', () => {
  const uid = findingUid('rule', 'leaf')
  assert.match(uid, /^[0-9a-f]{32}$/)
  assert.equal(findingUid('rule', 'leaf'), uid)
  assert.notEqual(findingUid('rule', 'leaf2'), uid)
  assert.notEqual(findingUid('rulel', 'eaf'), uid)
})

const byUser = `
title: By user
id: 00000000-0000-4000-8000-000000000001
logsource: {product: linux, category: file_access}
detection:
  selection: {User: root}
  condition: selection
`

test('a personal value is judged in the clear and told as its commitment, whose opening goes along', () => {
  const { ruleset } = loadRules([{ path: 'by-user.yml', text: byUser }])
  const event = sampleSealedEvent()
  const [match] = evaluate(ruleset, event, sampleSide)
  assert(match)
  const finding = findingFor(match, { event, side: sampleSide, leaf: sampleLeaf, createdMs: sampleCreatedMs })
  assert.match(String(match.reasons[0]?.value), commitmentForm)
  assert.equal(JSON.stringify(finding.event).includes('"root"'), false)
  assert.deepEqual(finding.side, sampleSide)
  assert.deepEqual(evaluate(ruleset, event), [], 'without its side a commitment matches no name')
})

const anyFile = byUser.replace('User: root', 'TargetFilename|exists: false')

test('an event without sense still makes a finding that can be sealed', () => {
  const { ruleset } = loadRules([{ path: 'any.yml', text: anyFile }])
  const deep = JSON.parse(`${'{"pid":1,"name":"x","a":'.repeat(29)}1${'}'.repeat(29)}`) as object
  const wide = { pid: 1, name: 'x', numbers: Array.from({ length: 30_000 }, () => 1) }
  const strange = [
    {},
    { metadata: 5, actor: null, device: [] },
    { process: deep },
    { actor: { process: wide }, process: wide },
  ]
  for (const members of strange) {
    const event = { type_uid: 100_102, ...members }
    const [match] = evaluate(ruleset, event)
    assert(match)
    const finding = findingFor(match, { event, side: {}, leaf: sampleLeaf, createdMs: sampleCreatedMs }).event
    assert(Buffer.byteLength(canonicalize(finding)) < limits.lineBytesMax)
    assert.deepEqual(finding.unmapped.leaves, [sampleLeaf])
  }
})

test('a finding about the longest possible event and rule still fits a line', () => {
  const long = '\u0001'.repeat(9_000)
  const text = byUser.replace('title: By user', `title: "${'t'.repeat(9_000)}"`).replace('User: root', "Image: '*'")
  const { ruleset } = loadRules([{ path: 'long.yml', text }])
  const event = sampleSealedEvent()
  const huge = { ...event, message: long, file: { ...event.file, path: long } } as FileEvent
  const [match] = evaluate(ruleset, huge)
  assert(match)
  const finding = findingFor(match, { event: huge, side: {}, leaf: sampleLeaf, createdMs: sampleCreatedMs })
  assert(Buffer.byteLength(canonicalize(finding.event)) < limits.lineBytesMax - 1_024)
})
