// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import { alertName, ruleFile } from './rule.ts'

const ours = join(import.meta.dirname, '../../../../deploy/prometheus/sealwatch.rules.yml')
const shipped = readFileSync(ours, 'utf8')
let dir: string
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-rule-'))
})
after(() => rmSync(dir, { recursive: true }))

function check(text: string): Promise<string> {
  const path = join(dir, 'rules.yml')
  writeFileSync(path, text)
  return ruleFile(path, ours).check()
}
const refuses = (text: string, found: RegExp) =>
  assert.rejects(check(text), (error) => {
    assert.ok(isSealwatchError(error, 'DRILL_RULE_MISSING'), String(error))
    assert.match(error.received ?? '', found)
    return true
  })
/** The shipped file with all that `from` is of it as `to`. */
function but(from: string, to: string): string {
  assert.ok(shipped.includes(from), from)
  return shipped.replaceAll(from, to)
}

test('ING-7 the rules that we ship are found, and so are those whose thresholds, windows and form are others', async () => {
  assert.match(await check(shipped), /has SealwatchCanonicalRejectsHigh/)
  await check(but('for: 5m', 'for: 1m'))
  await check(but('rate2m > 1 or', 'rate2m > 5\n          or'))
  await check(but('[2m]', '[90s]'))
  await check(but(' > 0.01', '>0.05'))
})

test('ING-7 a rule of that name that cannot fire, or asks for something else, is none', async () => {
  const expr = 'sealwatch:rejected_rows:rate2m > 1 or sealwatch:rejected_rows:share2m > 0.01'
  await refuses(
    `groups:\n  - name: x\n    rules:\n      - alert: ${alertName}\n        expr: vector(0) > 1 # rows_quarantined_total\n        for: 9999d\n`,
    /asks for something else/,
  )
  await refuses(but(expr, `vector(0) > 1 # ${expr}`), /asks for something else/)
  await refuses(but(expr, 'sealwatch:rejected_rows:rate2m > 1 and sealwatch:rejected_rows:share2m > 0.01'), /asks for/)
  await refuses(but(expr, expr.replace('> 1', '> 1e9')), /threshold/)
  await refuses(but('[2m]', '[1y]'), /window/)
  await refuses(but('for: 5m', 'for: 6m').replaceAll(/for: \d\dm/g, 'for: 9999d'), /waits for/)
  await refuses(
    but('sum without (reason) (rate(sealwatch_ingest_rows_quarantined_total[2m]))', 'vector(0)'),
    /sealwatch:rejected_rows:rate2m/,
  )
  await refuses(but('- record: sealwatch:rejected_rows:share2m', '- record: other'), /sealwatch:rejected_rows:share2m/)
  await refuses(but('  - name: sealwatch-ingest', '  - name: sealwatch-ingest\n    interval: 1d'), /interval/)
})

test('ING-7 no file, no YAML, no rules: none of it is a rule', async () => {
  await refuses('', /without it/)
  await refuses('groups: [', /no rules of Prometheus/)
  await refuses('groups: 3', /no rules of Prometheus/)
  await refuses(but(alertName, 'SomethingElse'), /without it/)
  await assert.rejects(ruleFile(join(dir, 'none.yml'), ours).check(), /ENOENT/)
})
