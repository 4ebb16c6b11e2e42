// SPDX-License-Identifier: Apache-2.0

/** Tenants that have series of their own, in each metric. */
export const labelledMax = 100
/** All others together; no tenant can have this name. */
const others = '(others)'

/**
 * What tenants are called in metrics: the first ones by their names, and so for as long as the process lives, so that no
 * counter falls because another tenant has become busier.
 */
export function createTenantLabels(): {
  sum<T>(
    values: Iterable<readonly [tenant: string, value: T]>,
    read: (value: T) => number,
  ): [labels: [string], value: number][]
} {
  const labelled = new Set<string>()
  const labelOf = (tenant: string): string => {
    if (labelled.size < labelledMax) labelled.add(tenant)
    return labelled.has(tenant) ? tenant : others
  }
  return {
    sum: (values, read) => {
      const sums = new Map<string, number>()
      for (const [tenant, value] of values) {
        const label = labelOf(tenant)
        sums.set(label, (sums.get(label) ?? 0) + read(value))
      }
      return [...sums].map(([label, sum]) => [[label], sum])
    },
  }
}
