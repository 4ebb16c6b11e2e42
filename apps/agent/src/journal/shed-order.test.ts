// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { observe } from '../observe/observe.ts'
import { sampleContext, sampleObservations } from '../observe/sample-observations.ts'
import { sheddableAs, shedOrder } from './shed-order.ts'

test('AGT-5 what is informational may be shed as what it is, and nothing else may', () => {
  const found = new Set<string>()
  for (const [name, observation] of Object.entries(sampleObservations)) {
    const context = sampleContext()
    context.processes.learn(observation)
    const { severity } = observe(observation, context).event
    const kind = sheddableAs(observation)
    assert.equal(kind, severity === 'Informational' ? observation.kind : undefined, name)
    if (kind !== undefined) found.add(kind)
  }
  assert.deepEqual([...found].sort(), shedOrder.toSorted())
})
