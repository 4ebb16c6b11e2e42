// SPDX-License-Identifier: Apache-2.0

/** An event for which a rule fires: `at` is its leaf, or its line in a file. */
export type Firing = { readonly at: number; readonly time: string; readonly host: string; readonly message: string }

export type RuleFirings = {
  readonly fired: number
  /** Those of which it fired most often first. */
  readonly hosts: readonly { readonly host: string; readonly fired: number }[]
  /** The first few. */
  readonly examples: readonly Firing[]
}

/** By the id of the rule; in bounds, whatever fires. */
export type Firings = {
  add(rule: string, firing: Firing): void
  of(rule: string): RuleFirings
}

const hostsMax = 1_000
const others = '(others)'

export function createFirings(examplesMax: number): Firings {
  const byRule = new Map<string, { fired: number; hosts: Map<string, number>; examples: Firing[] }>()
  return {
    add: (rule, firing) => {
      const kept = byRule.get(rule) ?? { fired: 0, hosts: new Map<string, number>(), examples: [] }
      byRule.set(rule, kept)
      kept.fired += 1
      const host = kept.hosts.has(firing.host) || kept.hosts.size < hostsMax ? firing.host : others
      kept.hosts.set(host, (kept.hosts.get(host) ?? 0) + 1)
      if (kept.examples.length < examplesMax) kept.examples.push(firing)
    },
    of: (rule) => {
      const { fired = 0, hosts = [], examples = [] } = byRule.get(rule) ?? {}
      const counted = Array.from(hosts, ([host, times]) => ({ host, fired: times }))
      return { fired, hosts: counted.toSorted((a, b) => b.fired - a.fired), examples }
    },
  }
}
