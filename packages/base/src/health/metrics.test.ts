// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { createMetrics, seriesMax } from './metrics.ts'

const hasPromtool = spawnSync('promtool', ['--version']).status === 0

function sample() {
  const metrics = createMetrics()
  metrics.gauge({ name: 'sealwatch_size_bytes', help: 'Odd: \\ and\nnewline' }, () => 2n ** 60n)
  metrics.counter({ name: 'sealwatch_lines_total', help: 'By tenant', labels: ['tenant'] }, () => [
    [['a"b\\c\nd'], 1],
    [['e'], 2.5],
  ])
  const took = metrics.histogram({
    name: 'sealwatch_took_seconds',
    help: 'How long',
    labels: ['what'],
    buckets: [0.1, 1],
  })
  for (const seconds of [0.05, 0.1, 0.5, 7]) took.observe(seconds, ['sign'])
  return metrics
}

test('the text is that of Prometheus, version 0.0.4', () => {
  assert.equal(
    sample().text(),
    `# HELP sealwatch_took_seconds How long
# TYPE sealwatch_took_seconds histogram
sealwatch_took_seconds_bucket{what="sign",le="0.1"} 2
sealwatch_took_seconds_bucket{what="sign",le="1"} 3
sealwatch_took_seconds_bucket{what="sign",le="+Inf"} 4
sealwatch_took_seconds_sum{what="sign"} 7.65
sealwatch_took_seconds_count{what="sign"} 4
# HELP sealwatch_lines_total By tenant
# TYPE sealwatch_lines_total counter
sealwatch_lines_total{tenant="a\\"b\\\\c\\nd"} 1
sealwatch_lines_total{tenant="e"} 2.5
# HELP sealwatch_size_bytes Odd: \\\\ and\\nnewline
# TYPE sealwatch_size_bytes gauge
sealwatch_size_bytes 1152921504606846976
# HELP sealwatch_metric_series_left_out_total Series beyond the limit of a metric
# TYPE sealwatch_metric_series_left_out_total counter
sealwatch_metric_series_left_out_total 0
`,
  )
})

test("Prometheus' own tool reads it", { skip: !hasPromtool && 'no promtool here' }, () => {
  const { status, stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], { input: sample().text() })
  assert.equal(status, 0, `${stdout}${stderr}`)
})

test('labels without a bound do not grow without one, and are counted', () => {
  const metrics = createMetrics()
  const many = Array.from({ length: seriesMax + 5 }, (_, i) => [[`${i}`], i] as const)
  metrics.gauge({ name: 'sealwatch_wild', help: 'x', labels: ['id'] }, () => many)
  const wild = metrics.histogram({ name: 'sealwatch_wilder', help: 'x', labels: ['id'], buckets: [1] })
  for (const [labels] of many) wild.observe(1, labels)
  const lines = metrics.text().split('\n')
  assert.equal(lines.filter((line) => line.startsWith('sealwatch_wild{')).length, seriesMax)
  assert.equal(lines.filter((line) => line.startsWith('sealwatch_wilder_count')).length, seriesMax)
  assert.ok(lines.includes('sealwatch_metric_series_left_out_total 10'))
})

test('a name twice, out of form, or of a counter that does not say so, is a mistake in the code', () => {
  const metrics = sample()
  for (const name of ['sealwatch_size_bytes', 'other_name', 'sealwatch_Upper', 'sealwatch_x_total'])
    assert.throws(() => metrics.gauge({ name, help: '' }, () => 0), { name: 'AssertionError' }, name)
  assert.throws(() => metrics.counter({ name: 'sealwatch_x', help: '' }, () => 0), { name: 'AssertionError' })
})
