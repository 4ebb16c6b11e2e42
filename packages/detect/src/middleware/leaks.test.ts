// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LeakKind, leaks, leaksIn } from './leaks.ts'

const gives: readonly (readonly [LeakKind, string])[] = [
  ['stack_trace', 'TypeError: x\n    at run (/srv/app/index.js:10:5)'],
  ['stack_trace', JSON.stringify({ stack: 'Error: x\n    at run (file:///srv/app.mjs:1:2)' })],
  ['stack_trace', '<pre>Error: x<br>    at run (/srv/app.js:1:2)</pre>'],
  ['stack_trace', 'Traceback (most recent call last):\n  File "app.py", line 3'],
  ['stack_trace', 'java.lang.Error\n\tat com.shop.Cart.add(Cart.java:42)'],
  ['sql_error', 'You have an error in your SQL syntax; check the manual'],
  ['sql_error', 'ERROR: syntax error at or near "FROM"'],
  ['sql_error', 'SQLSTATE[42S02]: Base table or view not found'],
  ['sql_error', 'ORA-00933: SQL command not properly ended'],
  ['source_code', '<?php echo 1;'],
  ['private_key', '-----BEGIN OPENSSH PRIVATE KEY-----\nb3'],
  ['private_key', '-----BEGIN PRIVATE KEY-----\nMC'],
  ['cloud_key', 'aws_access_key_id = AKIAIOSFODNN7EXAMPLE'],
]

test('DET-4 what an answer gives away is named', () => {
  for (const [kind, text] of gives) assert.deepEqual(leaksIn(text), [kind], text)
})

test('DET-4 what only speaks of it is not', () => {
  for (const text of [
    'Look at the table: it opens at 10:30:15',
    'An error in your SQL? See our course on PHP.',
    '-----BEGIN PUBLIC KEY-----',
    'AKIAIOSFODNN7',
    '<p>Meet us\n  at noon</p>',
  ])
    assert.deepEqual(leaksIn(text), [], text)
})

test('DET-4 no answer takes long to look at: whatever repeats in an expression has an end', () => {
  for (const [kind, { source }] of Object.entries(leaks)) {
    const signs = source.replace(/\\./g, '').replace(/\[[^\]]*\]/g, '')
    assert.doesNotMatch(signs, /[*+]|\{\d+,\}/, kind)
    const most = Array.from(signs.matchAll(/\{(?:\d+,)?(\d+)\}/g), ([, end]) => Number(end))
    assert.ok(
      most.every((end) => end <= 200),
      kind,
    )
  }

  for (const piece of ['\n    at ', '\n    at x:1:', '<br>  at :', '-----BEGIN A ', 'SQLSTATE[', '\tat a.b('])
    assert.deepEqual(leaksIn(piece.repeat(4_000)), [])
})
