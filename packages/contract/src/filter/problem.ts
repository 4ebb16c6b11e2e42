// SPDX-License-Identifier: Apache-2.0

/** What is wrong with a filter, for people and programs. */
export type FilterProblem = {
  /** Where, in UTF-16 units from 0. */
  readonly at: number
  /** What was due there, as a phrase: "a field", "at most 64 comparisons". */
  readonly expected: string
  /** What stands there. */
  readonly received: string
  readonly suggestion?: string
}

const receivedUnitsMax = 40

export function filterProblem(at: number, expected: string, received: string, suggestion?: string): FilterProblem {
  const shown = received.length > receivedUnitsMax ? `${received.slice(0, receivedUnitsMax)}…` : received
  return { at, expected, received: shown, ...(suggestion === undefined ? {} : { suggestion }) }
}

/** "expected a field at character 5, received colour; did you mean class?" */
export function filterProblemText({ at, expected, received, suggestion }: FilterProblem): string {
  const meant = suggestion === undefined ? '' : `; did you mean ${suggestion}?`
  return `expected ${expected} at character ${at + 1}, received ${received}${meant}`
}

/** Thrown within the parser alone, and caught there. */
export class Unparsed extends Error {
  readonly problem: FilterProblem
  constructor(...what: Parameters<typeof filterProblem>) {
    const problem = filterProblem(...what)
    super(filterProblemText(problem))
    this.problem = problem
  }
}
