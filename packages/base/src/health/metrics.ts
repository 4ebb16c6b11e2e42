// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'

export type MetricRow = {
  readonly name: string
  readonly help: string
  readonly labels?: readonly string[]
  /** Where the labels come from a bounded set that is larger than `seriesMax`. */
  readonly seriesMax?: number
}
type Value = number | bigint
/** One value, or a row for each combination of label values, in the order of the metric's labels. */
export type Reading = Value | Iterable<readonly [labels: readonly string[], value: Value]>

/**
 * Figures for Prometheus. Whoever counts keeps the count; it is read when somebody asks, so a metric costs nothing
 * until then.
 */
export type Metrics = {
  gauge(row: MetricRow, read: () => Reading): void
  /** What `read` gives never falls while the process lives. */
  counter(row: MetricRow, read: () => Reading): void
  /** `buckets`: upper bounds, rising. */
  histogram(row: MetricRow & { readonly buckets: readonly number[] }): Histogram
  /** The text format of Prometheus, version 0.0.4. */
  text(): string
}
export type Histogram = { observe(value: number, labels?: readonly string[]): void }

/** Of one metric that says nothing else; what goes beyond is left out and counted: labels come from a bounded set, or they are a mistake. */
export const seriesMax = 256
const labelCharsMax = 128
const nameForm = /^(?:sealwatch|process)(?:_[a-z0-9]+)+$/
/** Names that the requirements fix (ING-3), word for word; dashboards and alerts of others already know them. */
const fixedNames: readonly string[] = ['unknown_key_admitted_total', 'invalid_signature_admitted_total']
const labelForm = /^[a-z][a-z0-9_]*$/

type Sample = {
  readonly suffix: string
  readonly labels: readonly (readonly [string, string])[]
  readonly value: Value
}
type Metric = { readonly row: MetricRow; readonly type: string; readonly samples: () => Iterable<Sample> }

export function createMetrics(): Metrics {
  const metrics = new Map<string, Metric>()
  let leftOut = 0

  function add(type: string, row: MetricRow, samples: Metric['samples']): void {
    const { name, labels = [] } = row
    assert((nameForm.test(name) || fixedNames.includes(name)) && !metrics.has(name), `the metric ${name}`)
    assert((type === 'counter') === name.endsWith('_total'), `${name}: counters, and only they, end in _total`)
    assert(
      labels.every((label) => labelForm.test(label)),
      `the labels of ${name}`,
    )
    metrics.set(name, { row, type, samples })
  }

  const readBy = (row: MetricRow, read: () => Reading) =>
    function* (): Generator<Sample> {
      const reading = read()
      const rows = typeof reading === 'object' ? reading : [[[], reading] as const]
      for (const [values, value] of rows) yield { suffix: '', labels: labelled(row, values), value }
    }

  function histogram(row: MetricRow & { readonly buckets: readonly number[] }): Histogram {
    const { buckets } = row
    const series = new Map<string, { labels: readonly string[]; counts: number[]; sum: number; count: number }>()
    add('histogram', row, function* () {
      for (const { labels, counts, sum, count } of series.values()) {
        const own = labelled(row, labels)
        const upTo = (bound: string, value: number): Sample => ({
          suffix: '_bucket',
          labels: [...own, ['le', bound]],
          value,
        })
        for (const [i, bound] of buckets.entries()) yield upTo(String(bound), counts[i] as number)
        yield upTo('+Inf', count)
        yield { suffix: '_sum', labels: own, value: sum }
        yield { suffix: '_count', labels: own, value: count }
      }
    })
    return {
      observe(value, labels = []) {
        const key = labels.join('\n')
        const found = series.get(key) ?? { labels, counts: buckets.map(() => 0), sum: 0, count: 0 }
        if (!series.has(key) && series.size >= seriesMax) {
          leftOut += 1
          return
        }
        series.set(key, found)
        found.sum += value
        found.count += 1
        for (const [i, bound] of buckets.entries()) if (value <= bound) found.counts[i] = (found.counts[i] ?? 0) + 1
      },
    }
  }

  function textOf({ row, type, samples }: Metric): string {
    const lines = [`# HELP ${row.name} ${escapeHelp(row.help)}`, `# TYPE ${row.name} ${type}`]
    const rows = type === 'histogram' ? Number.POSITIVE_INFINITY : (row.seriesMax ?? seriesMax)
    let count = 0
    for (const { suffix, labels, value } of samples()) {
      if (++count > rows) leftOut += 1
      else lines.push(`${row.name}${suffix}${labelsText(labels)} ${value}`)
    }
    return `${lines.join('\n')}\n`
  }

  add(
    'counter',
    { name: 'sealwatch_metric_series_left_out_total', help: 'Series beyond the limit of a metric' },
    () => [{ suffix: '', labels: [], value: leftOut }],
  )
  return {
    gauge: (row, read) => add('gauge', row, readBy(row, read)),
    counter: (row, read) => add('counter', row, readBy(row, read)),
    histogram,
    // Its own counter last, for it counts what the others leave out.
    text: () => [...metrics.values()].toReversed().map(textOf).join(''),
  }
}

function labelled({ name, labels = [] }: MetricRow, values: readonly string[]): [string, string][] {
  assert(values.length === labels.length, `the labels of a row of ${name}`)
  return labels.map((label, i) => [label, (values[i] as string).slice(0, labelCharsMax)])
}

const labelsText = (labels: Sample['labels']) =>
  labels.length === 0 ? '' : `{${labels.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(',')}}`
const escapeHelp = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
const escapeLabel = (text: string) => escapeHelp(text).replaceAll('"', '\\"')
