// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generate, staleIn } from './gen.ts'

test('what is generated is complete, and a changed byte shows', async () => {
  const generated = await generate()
  assert.ok(generated.size >= 5)
  for (const [path, text] of generated) assert.ok(text.length > 100, path)
  const [[path, text] = ['', '']] = [...generated]
  assert.deepEqual(staleIn(new Map([[path, `${text}x`]])), [path])
})
