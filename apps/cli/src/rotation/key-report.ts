// SPDX-License-Identifier: Apache-2.0

import {
  type HostKeyReport,
  type KeyReport,
  type KeyVerdict,
  keyVerdicts,
  type ServiceKeyReport,
} from '@sealwatch/ledger'
import { columns, counted, safe, toSecond } from '../terminal.ts'

const rangesShown = 12

/** The sums, then where those leaves are: what is worst comes first. */
export function reportText(report: KeyReport): string {
  const { key_id, producer, tenant, size, root, revoked_at, compromised_since } = report
  const kind = report.v === 1 ? 'service' : 'host'
  return `${columns([
    ['key', `${safe(key_id)} of the ${kind} ${safe(producer)} of ${safe(tenant)}`],
    ['revoked', timeOr(revoked_at, 'no')],
    ['compromised since', timeOr(compromised_since, '-')],
    ['ledger', `${counted(size, 'leaf', 'leaves')}, root ${root}`],
    ...keyVerdicts.map((name) => [name, countText(report.counts[name])]),
  ])}\n${columns(report.v === 1 ? serviceRanges(report) : hostRanges(report))}${moreText(report.ranges.length)}`
}

const timeOr = (time: string | null, none: string) => (time === null ? none : toSecond(time))
const leavesOf = (range: { first_leaf: number; next_leaf: number }) => `${range.first_leaf}-${range.next_leaf - 1}`
const countText = (count: KeyReport['counts']['sound']) =>
  'rows' in count
    ? `${counted(count.rows, 'row')} in ${counted(count.submissions, 'submission')}`
    : `${counted(count.lines, 'line')} under ${counted(count.heads, 'head')}`

const worstFirst: readonly KeyVerdict[] = ['invalid', 'suspect', 'unvouched', 'sound']

const shown = <R extends { readonly verdict: KeyVerdict }>(ranges: readonly R[]): R[] =>
  ranges.toSorted((a, b) => worstFirst.indexOf(a.verdict) - worstFirst.indexOf(b.verdict)).slice(0, rangesShown)
const moreText = (count: number) => (count <= rangesShown ? '' : `… and ${count - rangesShown} more (--json has all)\n`)

const serviceRanges = ({ ranges }: ServiceKeyReport): string[][] => [
  ['VERDICT', 'LEAVES', 'ROWS', 'RECEIVED FROM', 'TO'],
  ...shown(ranges).map((range) => [
    range.verdict,
    leavesOf(range),
    String(range.rows),
    toSecond(range.first_received),
    toSecond(range.last_received),
  ]),
]

const hostRanges = ({ ranges }: HostKeyReport): string[][] => [
  ['VERDICT', 'LEAVES', 'LINES', 'BEHIND A LINE OF', 'BEFORE ONE OF'],
  ...shown(ranges).map((range) => [
    range.verdict,
    leavesOf(range),
    String(range.lines),
    toSecond(range.time_before),
    timeOr(range.time_behind, '-'),
  ]),
]
