// SPDX-License-Identifier: Apache-2.0
// The short budget of `npm test`; `tools/test sim` runs more seeds and the mutants.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from './simulate.ts'

const steps = 9_000

for (const seed of [1, 2, 3]) {
  test(`LOG-6 LOG-2 ING-8: nothing acknowledged is lost, doubled or altered, whatever breaks: seed ${seed}`, async (t) => {
    const report = await simulate(seed, steps)
    t.diagnostic(JSON.stringify(report.counts))
    assert.deepEqual(report.violations, [], `node test/sim/main.ts --seed ${seed} --steps ${steps} repeats it`)
    const { acknowledged = 0, quarantined = 0, refused = 0 } = report.counts
    assert.ok(acknowledged > 50 && quarantined + refused > 0, 'hosts really shipped, and lied')
  })
}

test('a seed gives the same simulation again', async () => {
  assert.deepEqual(await simulate(77, 1_500), await simulate(77, 1_500))
})
