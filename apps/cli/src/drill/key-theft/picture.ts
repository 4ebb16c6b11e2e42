// SPDX-License-Identifier: Apache-2.0
// The drill as whoever watched it saw it: an SVG in which the lines come one after the other, and stay. It asks no network.

import type { KeyTheftReport, PlayedAttack } from '@sealwatch/ledger'
import { type Markup, markup } from '../markup.ts'
import { attackCells, headingCells, keyShown, servedLine } from './show.ts'

const lineHeight = 19
const margin = { x: 20, y: 54 } as const
const width = 920
/** Between one line and the next, as they come. */
const stepMs = 420
const holdMs = 6_000

const style = (lines: number) => markup`
text { font: 13px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #e6edf3; white-space: pre }
.dim { fill: #8d96a0 } .good { fill: #3fb950 } .bad { fill: #f85149 } .strong { font-weight: bold }
@media (prefers-reduced-motion: no-preference) { .line { animation: come ${lines * stepMs + holdMs}ms linear infinite backwards } }
@keyframes come { 0% { opacity: 0 } 0.1% { opacity: 1 } 99.9% { opacity: 1 } 100% { opacity: 0 } }
`

type Line = { readonly parts: readonly (readonly [style: string, text: string])[] }

/** Of a report that was verified. */
export function pictureOf(report: KeyTheftReport): string {
  const lines = linesOf(report)
  const height = margin.y + lines.length * lineHeight + 16
  return `${
    markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${labelOf(report)}">
<style>${style(lines.length)}</style>
<rect width="${width}" height="${height}" rx="8" fill="#0d1117" stroke="#30363d"/>
<circle cx="20" cy="18" r="5" fill="#f85149"/><circle cx="38" cy="18" r="5" fill="#d29922"/><circle cx="56" cy="18" r="5" fill="#3fb950"/>
${lines.map(lineOf)}
</svg>`.text
  }\n`
}

const lineOf = ({ parts }: Line, i: number): Markup => {
  const spans = parts.map(([style, text]) => markup`<tspan class="${style}">${text}</tspan>`)
  const delay = markup`animation-delay:${i * stepMs}ms`
  return markup`<g class="line" style="${delay.text}"><text xml:space="preserve" x="${margin.x}" y="${margin.y + i * lineHeight}">${joined(spans)}</text></g>`
}

/** Nothing stands between the parts of a line. */
const joined = (parts: readonly Markup[]): Markup => parts.reduce((line, part) => markup`${line}${part}`)

function linesOf(report: KeyTheftReport): Line[] {
  const { attacks, requests, outcome, failure } = report
  const passed = attacks.filter((one) => one.outcome === 'passed').length
  const verdict = failure === null ? `${passed} attacks, ${passed} seen, ${passed} attackers killed` : failure.code
  const [first, last] = [attacks[0], attacks.at(-1)]
  const keys =
    first === undefined || last === undefined ? '' : `; master key ${keyShown({ ...first, key_after: last.key_after })}`
  return [
    {
      parts: [
        ['dim', '$ '],
        ['strong', 'sudo ./sealwatch drill key-theft'],
      ],
    },
    { parts: [['', ' ']] },
    { parts: [['dim', `   ${headingCells}`]] },
    ...attacks.map(attackLineOf),
    { parts: [['', ' ']] },
    {
      parts: [
        [failure === null ? 'good strong' : 'bad strong', verdict],
        ['', keys],
      ],
    },
    ...(requests === null ? [] : [{ parts: [['', servedLine(requests)] as const] }]),
    {
      parts: [
        ['dim', `The drill ${outcome}. Signed by the deployment; verifies offline: ./sealwatch drill verify REPORT`],
      ],
    },
  ]
}

const attackLineOf = (attack: PlayedAttack): Line => ({
  parts: [
    attack.outcome === 'passed' ? ['good', ' ✓ '] : ['bad', ' ✗ '],
    ['', attackCells(attack)],
    ['dim', `  ${attack.requests_failed} of ${attack.requests}`],
  ],
})

const labelOf = ({ attacks, outcome }: KeyTheftReport): string =>
  `The drill key-theft, which ${outcome}: ${attacks.length} ways to the memory of a service that holds keys, when each was seen and its attacker killed, and how the keys changed`
