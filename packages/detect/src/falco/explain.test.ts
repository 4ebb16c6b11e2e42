// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ExplainedCondition, explainRule } from '../explain.ts'
import { loadRules } from '../ruleset.ts'
import { explainFalco } from './explain.ts'
import { type Event, golden, ruleText } from './sample-files.ts'

const root = join(import.meta.dirname, '../../../..')
const file = (text: string, path = 'a.yaml') => ({ path, text })
const conditionOf = (condition: string, event?: Event, ...others: readonly string[]) => {
  const files = [...others, ruleText(condition)].map((text, i) => file(text, `${i}.yaml`))
  const { conditions, fires, isConcerned } = explainFalco(files, event && { event })
  return { condition: conditions[0]?.condition as ExplainedCondition, fires, isConcerned }
}

const curl = '- macro: curled\n  condition: proc.name in (tools)\n'
const tools = '- list: tools\n  items: [wget, curl]\n'

test('DET-3 of a rule of Falco each check is told with its macro and its lists in their places, and what the event has', () => {
  const event = golden('network-connect')
  const { condition, fires, isConcerned } = conditionOf('evt.type = connect and curled', event, tools, curl)
  assert.deepEqual([fires, isConcerned, condition.kind, condition.holds], [true, true, 'and', true])
  const [, check] = condition.kind === 'and' ? condition.of : []
  assert.ok(check?.kind === 'check')
  const { item, within, holds } = check
  assert.deepEqual(
    [within, holds, item.field, item.modifiers, item.values],
    ['curled', true, 'proc.name', ['in'], ['wget', 'curl']],
  )
  assert.deepEqual(item.found, [{ attribute: '/event/actor/process/name', value: 'curl' }])
})

test('DET-3 what an event does not tell is neither true nor false, behind a not, too', () => {
  const event = golden('network-connect')
  const holdsOf = (condition: string) => conditionOf(`evt.type = connect and ${condition}`, event).condition
  for (const [condition, holds] of [
    ['proc.name = wget', false],
    ['not proc.name = wget', true],
    ['thread.cap_effective exists', undefined],
    ['not thread.cap_effective exists', undefined],
    ['(proc.name = curl or thread.cap_effective exists)', true],
  ] as const)
    assert.equal(holdsOf(condition).holds, holds, condition)
  const alone = conditionOf('evt.type = connect')
  assert.deepEqual([alone.fires, alone.isConcerned, alone.condition.holds], [undefined, undefined, undefined])
})

test('DET-3 a personal value is told where it was opened', () => {
  const event = {
    ...golden('network-connect'),
    actor: { user: { name: 'commit:abc', uid: '7' }, process: { euid: 7 } },
  } as Event
  const files = [file(ruleText('evt.type = connect and user.name = ann'))]
  const found = (side?: object) => {
    const { condition } = explainFalco(files, { event, ...(side && { side: side as never }) }).conditions[0] as {
      readonly condition: ExplainedCondition
    }
    const check = condition.kind === 'and' ? condition.of[1] : undefined
    return check?.kind === 'check' ? [check.holds, check.item.found[0]?.value] : []
  }
  const pointer = '/event/actor/user/name'
  assert.deepEqual(found({ [pointer]: { salt: '', value: 'ann' } }), [true, 'ann'])
  assert.deepEqual(found(), [false, 'commit:abc'])
})

test('DET-3 what keeps a rule out is thrown, and a file of Falco is explained as one of Sigma is', () => {
  assert.throws(() => explainFalco([file(ruleText('nothing'))]), { code: 'FALCO_CONDITION' })
  assert.throws(() => explainFalco([file(tools)]), { code: 'RULE_SHAPE', received: /no rule of Falco/ })
  assert.equal(explainRule(file(ruleText('evt.type = connect'))).id, 'falco:R')
})

const shipped = join(root, '../shared/rules-samples/falco/falco_rules.yaml')
const skip = existsSync(shipped) ? false : `no Falco rules at ${shipped}: they are NOT tried`

test('DET-3 of the rules that Falco ships what an explanation says adds up to whether the rule fires, for every golden event', {
  skip,
}, () => {
  const files = [file(readFileSync(shipped, 'utf8'), 'falco_rules.yaml')]
  const folder = join(root, 'vectors/falco')
  const samples = readdirSync(folder).filter((name) => name.endsWith('.json'))
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Event
  let fired = 0
  // Each asks for all rules anew: a few of them, over all that is recorded.
  for (const { id } of loadRules(files).ruleset.rules.filter((_, i) => i % 3 === 0))
    for (const name of samples) {
      const { fires, conditions } = explainFalco(files, { event: read(name) }, id)
      assert.equal(conditions[0]?.condition.holds === true, fires, `${id} ${name}`)
      if (fires === true) fired += 1
    }
  assert.ok(fired > 1, `${fired} fired`)
})
