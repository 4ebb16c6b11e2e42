// SPDX-License-Identifier: Apache-2.0

/** What expressions may cost together, for whoever writes them for a platform that others use as well. Counted down. */
export type RegexBudget = {
  /** Of the automata, when they are compiled. */
  states: number
  /** Of all texts until it is set anew: a state that is come by for a character. */
  steps: number
}

/** Whether a text matches is not known: what rests on it, also where it is negated, has to be left undecided. */
export class RegexStepsError extends Error {
  override readonly name = 'RegexStepsError'
}

/** Throws RegexStepsError. */
export type Spend = (steps: number) => void

export const spendingFrom =
  (budget: RegexBudget | undefined): Spend =>
  (steps) => {
    if (budget === undefined) return
    budget.steps -= steps
    if (budget.steps < 0) throw new RegexStepsError('a text that takes more steps than its expressions may')
  }
