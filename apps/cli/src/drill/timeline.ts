// SPDX-License-Identifier: Apache-2.0

import type { RowDrillReport } from '@sealwatch/ledger'
import { type Markup, markup, nothing } from './markup.ts'

const [width, labelWidth, right] = [960, 130, 16]
const [barHeight, plotHeight] = [22, 150]
const millis = (time: string) => Date.parse(time)

type Point = { readonly at: number; readonly rows: number }

/** The steps of a drill over time, and below them what became of its rows: an SVG picture, of the report alone. */
export function timelineOf(report: RowDrillReport): Markup {
  const { steps, sent } = report
  const from = Math.min(...[report.started, ...steps.map((step) => step.from)].map(millis))
  const to = Math.max(millis(report.finished), from + 1)
  const x = (at: number) => labelWidth + ((at - from) / (to - from)) * (width - labelWidth - right)
  const top = steps.length * barHeight + 30
  const height = top + plotHeight + 40
  const admitted = cumulated(sent.filter(({ outcome }) => outcome === 'admitted'))
  const replay = report.drill === 'strict-signature' ? steps.find(({ name }) => name === 'replay') : undefined
  const kept = cumulated(sent.filter(({ outcome }) => outcome === 'quarantined'))
  const waiting = replay?.outcome === 'passed' ? [...kept, { at: millis(replay.from) + replay.took_ms, rows: 0 }] : kept
  const most = Math.max(1, ...[...admitted, ...waiting].map(({ rows }) => rows))
  const y = (rows: number) => top + plotHeight - (rows / most) * plotHeight
  const alert = steps.find(({ name, outcome }) => name === 'alert' && outcome === 'passed')
  const parts = [
    ...steps.map((step, i) => bar(step, i, x)),
    markup`<line class="axis" x1="${labelWidth}" y1="${y(0)}" x2="${width - right}" y2="${y(0)}"/>`,
    label(0, y(most) + 10, `${most} rows`),
    label(0, y(0), '0 rows'),
    steps.length === 0 ? nothing : path('admitted', admitted, to, x, y),
    path('waiting', waiting, to, x, y),
    alert === undefined ? nothing : marker(x(millis(alert.from) + alert.took_ms), top, y(0), alertWords[report.alert]),
    label(labelWidth, height - 8, `${report.started.slice(11, 19)} UTC`),
    label(width - right, height - 8, `${report.finished.slice(11, 19)} UTC`, 'end'),
  ]
  const told = `The ${steps.length} steps of the drill over time, and how many rows were admitted and waited in quarantine`
  return markup`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${told}">\n${parts}\n</svg>`
}

const alertWords = { 'not reached': '', 'rule present': 'rule present', fired: 'alert fired' } as const

function cumulated(sent: RowDrillReport['sent']): Point[] {
  let rows = 0
  return sent
    .toSorted((a, b) => millis(a.told_at) - millis(b.told_at))
    .map((one) => {
      rows += one.rows
      return { at: millis(one.told_at), rows }
    })
}

function bar(
  { name, outcome, from, took_ms }: RowDrillReport['steps'][number],
  i: number,
  x: (at: number) => number,
): Markup {
  const y = i * barHeight
  const left = x(millis(from))
  const wide = Math.max(2, x(millis(from) + took_ms) - left)
  const took = `${(took_ms / 1000).toFixed(took_ms < 10_000 ? 1 : 0)} s`
  const isLate = left + wide > width - 80
  return markup`${[
    label(0, y + 15, name),
    markup`<rect class="${outcome}" x="${left.toFixed(1)}" y="${y + 4}" width="${wide.toFixed(1)}" height="${barHeight - 8}" rx="2"/>`,
    label(isLate ? left - 4 : left + wide + 4, y + 15, took, isLate ? 'end' : 'start', 'took'),
  ]}`
}

function path(
  name: string,
  points: readonly Point[],
  to: number,
  x: (at: number) => number,
  y: (rows: number) => number,
): Markup {
  if (points.length === 0) return nothing
  let rows = 0
  const steps = points.map((point) => {
    const drawn = `L${x(point.at).toFixed(1)} ${y(rows).toFixed(1)}V${y(point.rows).toFixed(1)}`
    rows = point.rows
    return drawn
  })
  return markup`<path class="${name}" d="M${labelWidth} ${y(0).toFixed(1)}${steps.join('')}L${x(to).toFixed(1)} ${y(rows).toFixed(1)}"/>`
}

function marker(x: number, top: number, bottom: number, words: string): Markup {
  const isLate = x > width - 120
  return markup`<line class="marker" x1="${x.toFixed(1)}" y1="${top - 8}" x2="${x.toFixed(1)}" y2="${bottom}"/>${label(isLate ? x - 4 : x + 4, top, words, isLate ? 'end' : 'start')}`
}

const label = (x: number, y: number, text: string, anchor = 'start', kind = 'label') =>
  markup`<text class="${kind}" x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${text}</text>`
