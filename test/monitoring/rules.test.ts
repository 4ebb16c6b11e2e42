// SPDX-License-Identifier: Apache-2.0
// ING-7, OPS-1: the rules that we hand out, judged by Prometheus' own tool, and each of them altered: the cases see it.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempDisposableSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'

const root = join(import.meta.dirname, '../..')
const folder = join(root, 'deploy/prometheus')
const rulesFile = 'sealwatch.rules.yml'
const casesFile = 'sealwatch.rules.test.yml'
const rules = readFileSync(join(folder, rulesFile), 'utf8')
/** Each with its place in the file; one name may stand for several. */
const alerts = rules
  .split(/(?=^ {6}- alert: )/m)
  .slice(1)
  .map((text) => ({ text, name: /alert: (\w+)/.exec(text)?.[1] ?? '', team: /team: (\w+)/.exec(text)?.[1] ?? '' }))

const skip = spawnSync('promtool', ['--version']).status !== 0 && 'no promtool here'

function promtool(cwd: string, ...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync('promtool', words, { cwd, encoding: 'utf8' })
  return { status, said: `${stdout}${stderr}` }
}

type Failed = { readonly exp: Set<string>; readonly got: Set<string> }
const samplesIn = (list: string) =>
  new Set(Array.from(list.matchAll(/\{(alertname=[^}]*)\}/g), ([, labels = '']) => labels))

describe('deploy/prometheus', { skip }, () => {
  test('is in form, and its cases hold, also those in which nobody is called', () => {
    for (const words of [
      ['check', 'config', 'prometheus.yml'],
      ['test', 'rules', casesFile],
    ]) {
      const { status, said } = promtool(folder, ...words)
      assert.equal(status, 0, said)
    }
  })

  // No rule reads another alert: altered together, each is told of as it would be alone.
  const altered = (expr: string) => {
    using dir = mkdtempDisposableSync(join(tmpdir(), 'sealwatch-rules-'))
    const all = alerts.reduce((whole, { text }) => {
      const one = text.replace(/expr: [\s\S]*?\n(?= {8}(?:for|labels):)/, `expr: ${expr}\n`)
      assert.notEqual(one, text)
      return whole.replace(text, one)
    }, rules)
    writeFileSync(join(dir.path, rulesFile), all)
    cpSync(join(folder, casesFile), join(dir.path, casesFile))
    const { status, said } = promtool(dir.path, 'test', 'rules', casesFile)
    assert.equal(status, 1)
    return said.split(/^ {4}(?=\S)/m).map((failed) => {
      const [exp = '', got = ''] = failed.split(/^ +got:/m)
      return { exp: samplesIn(exp), got: samplesIn(got) }
    })
  }

  for (const [when, expr, isSeen] of [
    ['never fires', 'vector(1) == 0', (failed) => failed.exp.difference(failed.got)],
    ['always fires', 'vector(1)', (failed) => failed.got.difference(failed.exp)],
  ] satisfies [string, string, (failed: Failed) => Set<string>][])
    test(`the cases see when an alert ${when}, whichever it is`, () => {
      const wrong = new Set(altered(expr).flatMap((failed) => [...isSeen(failed)]))
      for (const { name, team } of alerts)
        assert.ok(
          [...wrong].some((sample) => sample.startsWith(`alertname="${name}", `) && sample.includes(`team="${team}"`)),
          `${name} (${team}): ${expr}`,
        )
    })
})

test('each alert says what it is, who is told, and where it stands what to do', () => {
  const index = readFileSync(join(root, 'docs/runbooks/README.md'), 'utf8')
  assert.ok(alerts.length >= 6)
  for (const { text, name } of alerts) {
    assert.match(text, /severity: (?:page|ticket)/, name)
    assert.match(text, /team: (?:platform|producer|operator|security)/, name)
    assert.match(text, /summary: \S/, name)
    assert.match(text, /description: \S/, name)
    const page = /runbook_url: (docs\/runbooks\/[a-z-]+\.md)$/m.exec(text)?.[1] ?? ''
    assert.ok(existsSync(join(root, page)), `${name}: ${page}`)
    assert.ok(readFileSync(join(root, page), 'utf8').includes(`\`${name}\``), `${page} names ${name}`)
    assert.ok(index.includes(`\`${name}\``), `docs/runbooks/README.md names ${name}`)
  }
})

test('each metric that a rule reads is one that there is', () => {
  const page = readFileSync(join(root, 'docs/reference/health.md'), 'utf8')
  const read = new Set(rules.match(/\b(?:sealwatch_[a-z_]+|[a-z_]+_admitted_total)\b/g))
  assert.ok(read.size >= 4)
  assert.deepEqual(
    [...read].filter((name) => !page.includes(`\`${name}\``) && !page.includes(`\`${name}{`)),
    [],
  )
})
