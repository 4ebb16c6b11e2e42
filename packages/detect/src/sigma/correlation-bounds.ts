// SPDX-License-Identifier: Apache-2.0

import type { CorrelationKind } from '../correlation/correlation.ts'
import { ruleLimits } from '../limits.ts'
import { type Fault, isMap } from './source.ts'

/** `isLower`: once it holds, more does not change it. */
export type Bound = { readonly isLower: boolean; readonly holds: (count: number) => boolean }

const bounds: Readonly<Record<string, (value: number) => Bound>> = {
  gt: (value) => ({ isLower: true, holds: (count) => count > value }),
  gte: (value) => ({ isLower: true, holds: (count) => count >= value }),
  lt: (value) => ({ isLower: false, holds: (count) => count < value }),
  lte: (value) => ({ isLower: false, holds: (count) => count <= value }),
  eq: (value) => ({ isLower: false, holds: (count) => count === value }),
  neq: (value) => ({ isLower: false, holds: (count) => count !== value }),
}
const at = ['correlation', 'condition']
const named = (value: number) => ({ gte: value })

/** All of them must hold. Of temporal correlations without any: each of the sources is there. */
export function boundsIn(condition: unknown, kind: CorrelationKind, sources: number, fault: Fault): readonly Bound[] {
  const isTemporal = kind === 'temporal' || kind === 'temporal_ordered'
  const map = condition === undefined && isTemporal ? named(sources) : condition
  const advice = `Write some of ${Object.keys(bounds).join(', ')}, each with a number: "gte: 10"`
  if (!isMap(map)) throw fault('RULE_SHAPE', at, { received: condition, advice })
  const entries = Object.entries(map).filter(([name]) => name !== 'field')
  if (entries.length === 0) throw fault('RULE_SHAPE', at, { received: condition, advice })
  const most = isTemporal ? sources : ruleLimits.correlationCountMax
  return entries.map(([name, value]) => {
    const bound = Object.hasOwn(bounds, name) ? bounds[name] : undefined
    if (bound === undefined) throw fault('RULE_SHAPE', [...at, name], { received: name, advice })
    if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most)
      return bound(value as number)
    throw fault('RULE_VALUE', [...at, name], { received: value, advice: `Write a number from 0 to ${most}` })
  })
}

/** Whether more events may make it false. */
export const isAtEnd = (its: readonly Bound[]) => its.some(({ isLower }) => !isLower)
