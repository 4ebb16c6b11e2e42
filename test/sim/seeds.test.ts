// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from './simulate.ts'

const steps = 15_000

for (let seed = 100; seed < 124; seed += 1) {
  test(`LOG-6 LOG-2 ING-8: seed ${seed}`, async () => {
    const { violations } = await simulate(seed, steps)
    assert.deepEqual(violations, [], `node test/sim/main.ts --seed ${seed} --steps ${steps} repeats it`)
  })
}
