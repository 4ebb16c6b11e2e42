// SPDX-License-Identifier: Apache-2.0

import { medianOf, quantileOf } from '../figure.ts'
import type { Turn } from './contender.ts'
import type { Labelled } from './corpus.ts'

/** One contender's turns over the same requests. */
export type Measured = { readonly name: string; readonly learns: boolean; readonly turns: readonly Turn[] }

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n')
const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 2 : 1)} %`
const share = (of: readonly boolean[]) => of.filter(Boolean).length / Math.max(1, of.length)
const outcomesOf = ({ turns }: Measured) => turns.at(-1)?.outcomes ?? []

/** What each found of each source, at its own threshold; of honest requests these are the false positives. */
export function ratesTable(labelled: readonly Labelled[], measured: readonly Measured[]): string {
  const sources = Object.entries(
    Object.groupBy(labelled, ({ source, isAttack, seen }) => `${source}|${isAttack}|${seen}`),
  )
  const places = new Map(labelled.map((one, at) => [one, at]))
  const cellsOf = (ones: readonly Labelled[]) =>
    measured.map((contender) => {
      const outcomes = outcomesOf(contender)
      const found = percent(share(ones.map((one) => outcomes[places.get(one) as number]?.isFound === true)))
      return contender.learns && ones.some(({ seen }) => seen !== 'held out') ? `${found} (seen)` : found
    })
  const lines = sources.map(([, ones = []]) => {
    const { source, isAttack, seen } = ones[0] as Labelled
    return [source, isAttack ? 'attacks' : 'honest', seen, String(ones.length), ...cellsOf(ones)]
  })
  const all = [true, false].map((isAttack) => {
    const ones = labelled.filter((one) => one.isAttack === isAttack)
    return ['all', isAttack ? 'attacks' : 'honest', '', String(ones.length), ...cellsOf(ones)]
  })
  return table(
    ['source', 'what', 'by the model', 'requests', ...measured.map(({ name }) => name)],
    [...lines, ...all].sort((one, other) => (one[1] as string).localeCompare(other[1] as string)),
  )
}

const [kib, sizes] = [1_024, [1, 4, 64, Number.POSITIVE_INFINITY]]
const sizeName = (at: number) =>
  sizes[at] === Number.POSITIVE_INFINITY ? `above ${sizes[at - 1]} KB` : `up to ${sizes[at]} KB`

/** Of each size, and of what is honest and what is not, the quantiles of a turn, and of those the median over the turns; the maximum is that of all. */
export function latencyTable(labelled: readonly Labelled[], measured: readonly Measured[]): string {
  const sizeOf = ({ bytes }: Labelled) => sizes.findIndex((size) => bytes <= size * kib)
  const classes = labelled.map((one) => 2 * sizeOf(one) + Number(one.isAttack))
  return table(
    ['us', 'requests', ...measured.map(({ name }) => `${name}: p50 / p99 / p99.9 / max`)],
    sizes.flatMap((_, size) =>
      (['honest', 'attacks'] as const).map((what, isAttack) => {
        const wanted = 2 * size + isAttack
        return [
          `${what} ${sizeName(size)}`,
          String(classes.filter((own) => own === wanted).length),
          ...measured.map(({ turns }) => quantilesOf(turns.map(({ outcomes }) => ofClass(outcomes, classes, wanted)))),
        ]
      }),
    ),
  )
}

const ofClass = (outcomes: Turn['outcomes'], classes: readonly number[], wanted: number) =>
  outcomes.filter((_, at) => classes[at] === wanted).map(({ us }) => us)

function quantilesOf(turns: readonly (readonly number[])[]): string {
  if (turns.some((times) => times.length === 0)) return ''
  const middle = [0.5, 0.99, 0.999].map((quantile) => medianOf(turns.map((times) => quantileOf(times, quantile))))
  return [...middle, Math.max(...turns.flat())].map((us) => Math.round(us).toLocaleString('en')).join(' / ')
}
