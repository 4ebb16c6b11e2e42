// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleReport } from '@sealwatch/ledger/test/drill-report'
import { pageOf } from './page.ts'

const evil = `"><h1 style='x'>&`

/** The value as often as it has leaves, each time with the evil in the place of another one. */
function* spoiled(value: unknown): Generator<unknown> {
  if (typeof value !== 'object' || value === null) yield evil
  else if (Array.isArray(value))
    for (const [i, one] of value.entries()) for (const bad of spoiled(one)) yield value.with(i, bad)
  else for (const [name, one] of Object.entries(value)) for (const bad of spoiled(one)) yield { ...value, [name]: bad }
}

test('OPS-2 whatever a report says in whichever place, the page draws it as text', () => {
  const all = [...spoiled(sampleReport)]
  assert.ok(all.length > 50)
  for (const report of all) {
    const page = pageOf(report as typeof sampleReport, 'verify')
    assert.ok(!page.includes('"><h1') && !page.includes("style='x'"), JSON.stringify(report))
  }
  assert.match(pageOf({ ...sampleReport, tenant: evil }, 'verify'), /&#34;&#62;&#60;h1 style=&#39;x&#39;&#62;&#38;/)
})
