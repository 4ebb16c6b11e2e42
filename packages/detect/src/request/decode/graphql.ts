// SPDX-License-Identifier: Apache-2.0

import type { Findings } from './values.ts'

/**
 * The strings and comments of a query (GraphQL, October 2021, 2.9.4 and 2.1.3), each a value of its own: they are what is handed on
 * to databases and shells. Names of fields are not. One that is not closed goes to the end of its line, or of the query, so that no
 * sign is looked at twice.
 */
export function decodeGraphql(query: string, place: string, findings: Findings): void {
  const form = /"""([\s\S]*?)(?:"""|$)|"((?:[^"\\\n]|\\[\s\S])*)"?|#([^\n\r]*)/g
  let count = 0
  for (const [, block, quoted, comment] of query.matchAll(form)) {
    if (findings.isFull()) {
      findings.signal('too-many-values', 'ARGS_POST')
      return
    }
    findings.add('ARGS_POST', `${place}#${count}`, (block ?? quoted ?? comment ?? '').replace(/\\(["\\/])/g, '$1'))
    count += 1
  }
}
