// SPDX-License-Identifier: Apache-2.0
// What to show of a ledger, said in one way to API, command line and dashboard (docs/formats/filter.md). No node: imports.

export { type FilterBounds, filterBounds, needsLine, pushNotDown } from './bounds.ts'
export { type Completion, completeFilter } from './complete.ts'
export { activityMeanings, classNamed, classWords, type Field, fieldNames, fields } from './fields.ts'
export { allOf, type Filter, type Term, term, termsOf, type Value } from './filter.ts'
export { filterLimits } from './limits.ts'
export { type FilterEntry, type FilterMatch, filterMatch } from './match.ts'
export { type ParsedFilter, parseFilter, parseTime } from './parse.ts'
export { printFilter } from './print.ts'
export { type FilterProblem, filterProblemText } from './problem.ts'
