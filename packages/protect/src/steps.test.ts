// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Done, Threat } from './protocol.ts'
import { createSteps, type Handlers } from './steps.ts'

const threatOf = (incident: string): Threat => ({
  incident,
  severity: 'critical',
  way: 'proc_mem_read',
  technique: 'T1003.007',
})
const settled = () => new Promise(setImmediate)

function stepsOf(handlers: Handlers) {
  const answers: Done[] = []
  const order = createSteps(handlers, (done) => answers.push(done))
  return {
    answers,
    order: (incident: string, ...steps: Done['done'][]) => order({ threat: threatOf(incident), steps }),
    numbered: (number: number, ...steps: Done['done'][]) => order({ threat: threatOf('a'), steps, number }),
  }
}

test('RIM-3 of a guard that gives no numbers a step is done once for each incident, and answered again where it is ordered again', async () => {
  let evictions = 0
  const told: string[] = []
  const evict = () => {
    evictions += 1
    return `${evictions} keys`
  }
  const { answers, order } = stepsOf({ evict, onThreat: ({ incident }) => told.push(incident) })
  order('a', 'evict')
  assert.equal(evictions, 1, 'at once')
  await settled()
  order('a', 'evict', 'rotate')
  order('b', 'evict')
  await settled()
  const done = (incident: string, detail: string): Done => ({ done: 'evict', incident, ok: true, detail })
  assert.deepEqual(answers, [
    done('a', '1 keys'),
    done('a', '1 keys'),
    { done: 'rotate', incident: 'a', ok: false, detail: 'this service has no such step' },
    done('b', '2 keys'),
  ])
  assert.deepEqual(told, ['a', 'b'])
})

test('RIM-3 RIM-4 an order with a number of its own is done, also in the same incident; the same order said again is answered and not done', async () => {
  let evictions = 0
  const told: string[] = []
  const evict = () => {
    evictions += 1
    return `${evictions} times`
  }
  const { answers, numbered } = stepsOf({ evict, onThreat: ({ incident }) => told.push(incident) })
  for (const [number, done] of [
    [3, 1],
    [3, 1],
    [7, 2],
    [7, 2],
    [3, 2],
  ] as const) {
    numbered(number, 'evict')
    await settled()
    assert.equal(evictions, done, `${number}`)
  }
  assert.deepEqual(
    answers.map(({ number, detail }) => [number, detail]),
    [
      [3, '1 times'],
      [3, '1 times'],
      [7, '2 times'],
      [7, '2 times'],
      [7, '2 times'],
    ],
  )
  numbered(8)
  numbered(8)
  assert.deepEqual(told, ['a', 'a', 'a'], 'each is told once')
})

test('RIM-4 two rotations at once are one, and both are answered; while it waits both hear of it', async () => {
  const { promise, resolve } = Promise.withResolvers<string>()
  let rotations = 0
  let wait = (_why: string) => {}
  const { answers, order } = stepsOf({
    rotate: (_threat, queued) => {
      rotations += 1
      wait = queued
      return promise
    },
  })
  order('a', 'rotate')
  order('b', 'rotate')
  wait('KMS does not answer')
  resolve('epoch 2')
  await settled()
  const said = (incident: string, ok: boolean, detail: string): Done => ({ done: 'rotate', incident, ok, detail })
  const queued = 'queued: KMS does not answer'
  assert.deepEqual(answers, [
    said('a', false, queued),
    said('b', false, queued),
    said('a', true, 'epoch 2'),
    said('b', true, 'epoch 2'),
  ])
  order('c', 'rotate')
  await settled()
  assert.equal(rotations, 2, 'one that is over is not joined')
})

test('whatever a service throws is an answer, and only so long', async () => {
  const { answers, order } = stepsOf({
    evict: () => {
      throw new Error('x'.repeat(10_000))
    },
    rotate: () => Promise.reject(new Error('no keeper')),
    onThreat: () => Promise.reject(new Error('of its own')),
  })
  order('a', 'evict', 'rotate')
  await settled()
  assert.deepEqual(
    answers.map(({ done, ok, detail }) => [done, ok, detail?.length]),
    [
      ['evict', false, 500],
      ['rotate', false, 9],
    ],
  )
})
