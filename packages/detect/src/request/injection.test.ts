// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createInjection, openLibrary } from './injection.ts'
import { seclangLimits } from './seclang/limits.ts'

test('DET-1 what the engine for injections keeps of texts is given back, and it goes on finding', () => {
  const library = openLibrary()
  const counts = { made: 0, ended: 0 }
  const { sqli } = createInjection({
    createContext() {
      counts.made += 1
      const context = library.createContext()
      const dispose = () => {
        counts.ended += 1
        context.dispose()
      }
      return { run: (...asked: Parameters<typeof context.run>) => context.run(...asked), dispose } as typeof context
    },
  })
  for (let call = 0; call < 2 * seclangLimits.injectionCallsMax + 1; call += 1)
    assert.equal(sqli(`it is ${call}`), false)
  assert.deepEqual(counts, { made: 3, ended: 2 })
  assert.equal(sqli("1' or '1'='1"), true)
})
