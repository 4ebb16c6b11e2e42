// SPDX-License-Identifier: Apache-2.0

import type { AffectedRange, DrillReport, RowDrillReport } from '@sealwatch/ledger'
import { attacksOf } from './key-theft/page.ts'
import { type Markup, markup, nothing } from './markup.ts'
import { rowsIn } from './report.ts'
import { timelineOf } from './timeline.ts'

const style = markup`
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #57606a; --line: #d0d7de; --paper: #fff; --good: #1a7f37; --bad: #cf222e; --held: #9a6700 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #8d96a0; --line: #30363d; --paper: #0d1117; --good: #3fb950; --bad: #f85149; --held: #d29922 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 960px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: .25rem } h2 { font-size: 1.05rem; margin: 1.75rem 0 .25rem }
.passed { color: var(--good) } .failed { color: var(--bad) } .dim, .took { color: var(--dim) }
table { border-collapse: collapse } th, td { text-align: left; font-weight: normal; padding: .15rem 1rem .15rem 0; vertical-align: top } th { color: var(--dim) }
td { overflow-wrap: anywhere } .why { border-left: 3px solid var(--bad); padding: .25rem .75rem; margin: 1rem 0 }
svg { width: 100%; height: auto; margin: 1rem 0 } svg text { font: 12px system-ui, sans-serif; fill: var(--ink) } svg .took { fill: var(--dim) }
rect.passed { fill: var(--good) } rect.failed { fill: var(--bad) } .axis { stroke: var(--line) } .marker { stroke: var(--bad); stroke-dasharray: 3 3 }
path { fill: none; stroke-width: 2 } path.admitted { stroke: var(--good) } path.waiting { stroke: var(--held) }
.key::before { content: ''; display: inline-block; width: 1.5em; margin-right: .4em; vertical-align: middle; border-top: 2px solid } .key { margin-right: 1.5em }
.key.admitted::before { border-color: var(--good) } .key.waiting::before { border-color: var(--held) }
pre { font: 12px/1.4 ui-monospace, monospace; overflow-x: auto; border: 1px solid var(--line); border-radius: 4px; padding: .5rem .75rem; margin: .25rem 0 .75rem }
`

/**
 * For people: one HTML file that asks no network. It repeats the signed report, and proves nothing itself. `verify`: the
 * command by which who has both files checks the report.
 */
export function pageOf(report: DrillReport, verify: string): string {
  const { drill, outcome, failure } = report
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Drill ${drill}: ${outcome}</title>
<style>${style}</style>
</head>
<body>
<h1>Drill ${drill}: <span class="${outcome}">${outcome}</span></h1>
<p class="dim">${purpose[drill]}</p>
${failure === null ? nothing : markup`<div class="why"><b>${failure.code}</b> at the step ${failure.step}: ${failure.found}<br><span class="dim">What must hold: ${failure.rule}.</span></div>`}
${facts([
  ['deployment', report.deployment],
  ['tenant', report.tenant],
  ['run', report.run],
  ['from, to', `${report.started}, ${report.finished}`],
  ['version', report.version],
])}
${report.drill === 'key-theft' ? attacksOf(report) : rowsOf(report)}
${report.steps.map(stepOf)}
<p class="dim">The signed report lies beside this page. This checks it, offline, and with --page FILE draws this page anew:</p>
<pre>${verify}</pre>
</body>
</html>
`.text
}

const purpose = {
  'strict-signature': 'A producer rotates its key before the server knows the new one: nothing may be lost.',
  'key-compromise':
    'The key of a producer leaks, and somebody else signs with it: what is affected must be known to the row.',
  'key-theft':
    'Somebody reaches for the keys in the memory of a service, in a dozen ways: each is seen, its attacker ended, and the keys are changed.',
} as const
const alertTold = {
  'not reached': 'the drill ended before',
  'rule present': 'the rule is there; whether it fires was not looked at (no --prometheus)',
  fired: 'fired, as Prometheus says',
} as const

function rowsOf(report: RowDrillReport): Markup {
  const { counts } = report
  const conservation =
    counts === null
      ? 'not counted'
      : `${counts.received} received = ${counts.admitted} admitted + ${counts.quarantined} quarantined + ${counts.refused} refused + ${counts.duplicate} duplicate`
  return markup`${facts([
    ['decoy', report.producer],
    ['alert', alertTold[report.alert]],
    ['rows sent', `${rowsIn(report.sent)} in ${report.sent.length} submissions`],
    ['conservation', conservation],
  ])}
${timelineOf(report)}
<p><span class="key admitted">rows admitted as they came</span><span class="key waiting">rows that wait in quarantine</span></p>
${report.affected.length === 0 ? nothing : affected(report.affected)}`
}

const facts = (rows: readonly (readonly [string, string])[]) =>
  markup`<table>${rows.map(([name, value]) => markup`<tr><th>${name}</th><td>${value}</td></tr>`)}</table>`

const affected = (ranges: readonly AffectedRange[]) => markup`<h2>What the leaked key has signed</h2>
<table><tr><th>standing</th><th>leaves</th><th>submissions</th><th>rows</th><th>key</th></tr>
${ranges.map(rangeOf)}</table>`

const rangeOf = ({ standing, first_leaf, last_leaf, submissions, rows, key_id }: AffectedRange) =>
  markup`<tr><td>${standing}</td><td>${first_leaf} to ${last_leaf}</td><td>${submissions}</td><td>${rows}</td><td>${key_id}</td></tr>`

const stepOf = ({
  name,
  outcome,
  took_ms,
  found,
  commands,
}: DrillReport['steps'][number]): Markup => markup`<h2>${name}: <span class="${outcome}">${outcome}</span> <span class="took">${took_ms} ms</span></h2>
${found.length === 0 ? nothing : markup`<ul>${found.map((one) => markup`<li>${one}</li>`)}</ul>`}
${commands.map(({ command, output }) => markup`<pre>$ ${command}\n${output.trimEnd()}</pre>`)}`
