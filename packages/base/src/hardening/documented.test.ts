// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { deniedCalls } from './syscalls.ts'

const root = join(import.meta.dirname, '../../../..')
const page = readFileSync(join(root, 'docs/privileges.md'), 'utf8')

test('AGT-4: docs/privileges.md names what the programs check at their start, and what is refused to them', () => {
  const named = new Set(page.match(/(?<=`)CAP_[A-Z_]+(?=`)/g))
  const sources = ['apps/sensor/privileges.c', 'packages/base/src/privileges.ts'].map((path) =>
    readFileSync(join(root, path), 'utf8'),
  )
  const [sensor, ours] = sources.map((text) => text.match(/(?<="|\b)CAP_(?!EFF\b)[A-Z_]+(?="|: \d)/g) ?? [])
  assert.ok(sensor !== undefined && ours !== undefined && sensor.length >= 6 && ours.length === 3)
  assert.deepEqual([...named].toSorted(), [...new Set([...sensor, ...ours])].toSorted())
  const calls = /^Refused calls:([\s\S]+?)\n\n/m.exec(page)?.[1]?.match(/(?<=`)[a-z_0-9]+(?=`)/g)
  assert.deepEqual(calls?.toSorted(), Object.keys(deniedCalls).toSorted())
})
