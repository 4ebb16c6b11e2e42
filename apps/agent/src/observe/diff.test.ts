// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diffText } from './diff.ts'

test('AGT-1 lines that changed are one hunk of a unified diff', () => {
  const told = (removed: string[], added: string[], isCut = false) => diffText({ from: 3, removed, added, isCut })
  assert.equal(told(['a'], ['b']), '@@ -3,1 +3,1 @@\n-a\n+b')
  assert.equal(told([], ['x', 'y']), '@@ -3,0 +3,2 @@\n+x\n+y')
  assert.equal(told(['a', 'b', 'c', 'd'], ['b', 'x', 'd', 'e']), '@@ -3,4 +3,4 @@\n-a\n b\n-c\n+x\n d\n+e')
  assert.equal(told(['gone'], [], true), '@@ -3,1 +3,0 @@\n-gone\n\\ more changed than is told')
})
