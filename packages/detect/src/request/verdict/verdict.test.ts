// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBehaviour } from '../behaviour/index.ts'
import { readContext } from '../context.ts'
import { type Detectors, detectorNames } from './detector.ts'
import { detectByBehaviour } from './detectors/behaviour.ts'
import { detectByModel, type JudgeValues } from './detectors/model.ts'
import { detectByReputation } from './detectors/reputation.ts'
import { detectByRules, type EvaluateRules } from './detectors/rules.ts'
import { judgeSignals } from './detectors/signals.ts'
import { checkedThresholds } from './thresholds.ts'
import { createJudge } from './verdict.ts'

const timeNs = 1_790_000_000_000_000_000n
const request = (given: object = {}) =>
  readContext({ method: 'GET', path: '/', query: '', headers: [], address: '192.0.2.1', ...given })
const attack = request({ query: 'q=1%27%3B+DROP+TABLE+users%3B+--' })

/** What the core rule set says of an SQL statement that is broken out of. */
const rules: EvaluateRules = (_, { values }) => {
  const found = values.filter(({ source, text }) => source === 'ARGS_GET' && /'\s*;\s*drop table/i.test(text))
  const told = (id: number, msg: string) => ({ id, msg, severity: 'CRITICAL', tags: ['attack-sqli'] })
  const matches = found.flatMap(({ name, text }) => [
    { ...told(942100, 'SQL Injection Attack Detected via libinjection'), where: `ARGS_GET:${name}`, text },
    { ...told(942360, 'Concatenated basic SQL injection'), where: `ARGS_GET:${name}`, text },
  ])
  const sum = { id: 949110, msg: 'Inbound Anomaly Score Exceeded', severity: '', tags: ['attack-generic'], text: '10' }
  return { matches: [...matches, { ...sum, where: 'TX:blocking_inbound_anomaly_score' }], isComplete: true }
}
const model: JudgeValues = (values) => {
  const culprit = values.find(({ text }) => text.includes('DROP'))
  if (culprit === undefined) return { logit: -8, reasons: () => [] }
  return { logit: 6, culprit, reasons: () => [{ ngram: "'; dr", weight: 2 }] }
}
const reputation = {
  lookup: (address: string) =>
    address === '198.51.100.7'
      ? [{ feed: 'drop', category: 'hijacked', weight: 1, prefix: '198.51.100.0/24', untilMs: Number.MAX_VALUE }]
      : [],
}
const behaviour = createBehaviour({ seed: [1, 2, 3, 4], usersMax: 64, tenantsMax: 4 })
const all: Detectors = {
  rules: detectByRules(rules),
  model: detectByModel(model),
  reputation: detectByReputation(reputation),
  behaviour: detectByBehaviour(behaviour),
  signals: judgeSignals,
}

test("DET-1 DET-3 1'; DROP TABLE users; -- in a parameter is blocked, and the verdict says by which rules, where and why", () => {
  const { reasons, ...verdict } = createJudge({ detectors: all }).judge(attack, timeNs)
  assert.deepEqual(verdict, {
    threat: true,
    score: 100,
    severity: 'critical',
    type: 'sql_injection',
    confidence: 1,
    recommended_action: 'block',
    excepted: [],
    signals: [],
    detectors: { absent: [], cut: [] },
  })
  const matched = "#'; DROP TABLE users; --"
  const rule = { detector: 'rules', where: 'ARGS_GET:q', matched, weight: 5.4 }
  assert.deepEqual(reasons, [
    {
      detector: 'model',
      what: 'what attacks are written like: "\'; d…"',
      where: 'ARGS_GET:q',
      matched,
      weight: 6,
    },
    { ...rule, id: '942100', what: 'rule 942100: SQL Injection Attack Detected via libinjection' },
    { ...rule, id: '942360', what: 'rule 942360: Concatenated basic SQL injection' },
  ])
})

test('DET-1 an ordinary request is let through, with nothing to say against it', () => {
  const verdict = createJudge({ detectors: all }).judge(request({ query: 'q=blue+table' }), timeNs)
  assert.deepEqual(
    { ...verdict },
    {
      threat: false,
      score: 1,
      severity: 'informational',
      type: null,
      confidence: 1,
      recommended_action: 'allow',
      reasons: [],
      excepted: [],
      signals: [],
      detectors: { absent: [], cut: [] },
    },
  )
})

test('DET-1 what is absent, fails or gives up is said, and an all-clear is less certain for it', () => {
  const failed: unknown[] = []
  const judge = createJudge({
    detectors: {
      rules: () => ({ evidence: [], isCut: true }),
      model: () => {
        throw new RangeError('of the model')
      },
      signals: judgeSignals,
    },
    onFailed: (...told) => failed.push(told),
  })
  const { detectors, confidence, threat } = judge.judge(attack, timeNs)
  assert.deepEqual(judge.names, ['rules', 'model', 'signals'])
  assert.deepEqual(detectors, { absent: ['model', 'reputation', 'behaviour'], cut: ['rules'] })
  assert.deepEqual(failed, [['model', new RangeError('of the model')]])
  assert.deepEqual({ confidence, threat }, { confidence: 0.3, threat: false })
})

test('DET-1 each detector alone raises the score of what it knows, and none lowers that of another', () => {
  const bad = request({ query: 'q=1%27%3B+DROP+TABLE+users%3B+--', address: '198.51.100.7' })
  const scoreOf = (detectors: Detectors) => createJudge({ detectors }).judge(bad, timeNs).score
  const { rules, model, reputation } = all
  assert.equal(scoreOf({}), 1)
  assert.deepEqual([scoreOf({ rules }), scoreOf({ model }), scoreOf({ reputation })], [94, 67, 9])
  assert.ok(scoreOf({ model, reputation }) > scoreOf({ model }))
})

test('DET-1 a tenant has thresholds of its own, which rise', () => {
  const judge = createJudge({ detectors: { rules: detectByRules(rules) } })
  const actionBy = (given: object) => judge.judge(attack, timeNs, checkedThresholds(given)).recommended_action
  assert.equal(actionBy({}), 'block')
  assert.equal(actionBy({ block: 99 }), 'challenge')
  assert.equal(actionBy({ challenge: 99, block: 100 }), 'observe')
  assert.equal(actionBy({ observe: 99, challenge: 99, block: 100 }), 'allow')
  for (const wrong of [{ observe: 0 }, { observe: 80 }, { block: 101 }, { block: 90.5 }, { block: Number.NaN }])
    assert.throws(() => checkedThresholds(wrong), { code: 'REQUEST_THRESHOLDS' })
})

test('DET-1 what is excepted does not count, and the verdict says what that was and for which exception', () => {
  const judge = createJudge({ detectors: { rules: detectByRules(rules), model: detectByModel(model) } })
  const but = (id: string) => judge.judge(attack, timeNs, undefined, (one) => (one.id === id ? 'exc_1' : undefined))
  const { reasons, excepted, score } = but('942100')
  assert.deepEqual(
    [reasons, excepted].map((told) => told.map(({ id }) => id)),
    [[undefined, '942360'], ['942100']],
  )
  assert.equal(excepted[0]?.exception, 'exc_1')
  assert.ok(score <= judge.judge(attack, timeNs).score)
  const all = judge.judge(attack, timeNs, undefined, ({ detector }) => (detector === 'rules' ? 'exc_2' : undefined))
  assert.deepEqual([all.recommended_action, all.reasons.length, all.excepted.length], ['observe', 1, 2])
  assert.deepEqual(but('1'), judge.judge(attack, timeNs))
})

test('DET-3 how a request is written is told by what it is', () => {
  const { reasons, signals } = createJudge({ detectors: all }).judge(request({ query: 'a=%&a=2' }), timeNs)
  assert.deepEqual(signals, [
    { kind: 'malformed-encoding', where: 'ARGS_GET:a' },
    { kind: 'repeated-parameter', where: 'ARGS_GET:a' },
  ])
  assert.deepEqual(
    reasons.map(({ detector, where, weight }) => [detector, where, weight]),
    [
      ['signals', 'ARGS_GET:a', 0.5],
      ['signals', 'ARGS_GET:a', 0.1],
    ],
  )
  assert.equal(detectorNames.length, 5)
})

test('DET-1 what a rule enforces of the form of HTTP is told, and is no threat by itself', () => {
  const enforced = [920180, 920420, 920450, 920280].map((id) => ({
    id,
    msg: 'It is not as it should be',
    severity: 'CRITICAL',
    tags: ['attack-protocol'],
    where: 'REQUEST_HEADERS',
    text: '0',
  }))
  const judge = createJudge({ detectors: { rules: detectByRules(() => ({ matches: enforced, isComplete: true })) } })
  const { threat, type, reasons } = judge.judge(attack, timeNs)
  assert.deepEqual({ threat, type, told: reasons.length }, { threat: false, type: 'protocol_attack', told: 4 })
})

test('DET-1 a model that finds no more in a request than in many honest ones speaks for nobody', () => {
  const speaking = (logit: number) => {
    const judge: JudgeValues = (values) => ({ logit, culprit: values[0] as (typeof values)[number], reasons: () => [] })
    return createJudge({ detectors: { model: detectByModel(judge) } }).judge(request({ query: 'q=a' }), timeNs).reasons
      .length
  }
  assert.deepEqual([4.6, 5.8].map(speaking), [0, 1])
})

test('DET-1 what takes rules longer than a request may speaks against it, and all the others judge it', () => {
  const exhausted = detectByRules(() => ({ matches: [], isComplete: false }))
  const { detectors, reasons } = createJudge({ detectors: { rules: exhausted } }).judge(request({}), timeNs)
  assert.deepEqual(detectors.cut, ['rules'])
  assert.deepEqual(
    reasons.map(({ what }) => what),
    ['it takes longer to look at than a request may'],
  )
})

test('DET-1 a rule for the paranoid counts for less, the more honest requests it is for', () => {
  const scoreAt = (level: string) => {
    const tags = ['attack-sqli', `paranoia-level/${level}`]
    const match = { id: 942100, msg: 'It is SQL', severity: 'CRITICAL', tags, where: 'ARGS:q', text: 'x' }
    const detector = detectByRules(() => ({ matches: [match], isComplete: true }))
    return createJudge({ detectors: { rules: detector } }).judge(attack, timeNs).score
  }
  const scores = ['', '1', '2', '3', '4', '9'].map(scoreAt)
  assert.deepEqual(
    scores,
    scores.toSorted((one, other) => other - one),
  )
  assert.deepEqual([scoreAt('') >= 50, scoreAt('1') >= 50, new Set(scores.slice(0, 3)).size], [true, false, 3])
})
