// SPDX-License-Identifier: Apache-2.0

import { decodeForm, hasLoosePercent } from './percent.ts'
import type { Findings } from './values.ts'

/** application/x-www-form-urlencoded. Once there are too many parameters, all that follow are one value. */
export function decodeParameters(text: string, source: 'ARGS_GET' | 'ARGS_POST', findings: Findings): void {
  const seen = new Set<string>()
  for (let from = 0; from < text.length; ) {
    if (findings.isFull()) {
      findings.signal('too-many-values', source)
      findings.add(source, '', decodeForm(text.slice(from)))
      return
    }
    const end = text.indexOf('&', from)
    const to = end < 0 ? text.length : end
    if (to > from) decodeParameter(text.slice(from, to), source, seen, findings)
    from = to + 1
  }
}

function decodeParameter(pair: string, source: 'ARGS_GET' | 'ARGS_POST', seen: Set<string>, findings: Findings): void {
  const equals = pair.indexOf('=')
  const name = decodeForm(equals < 0 ? pair : pair.slice(0, equals))
  findings.add(`${source}_NAMES`, name, name)
  findings.add(source, name, equals < 0 ? '' : decodeForm(pair.slice(equals + 1)))
  if (hasLoosePercent(pair)) findings.signal('malformed-encoding', `${source}:${name}`)
  if (seen.has(name) && !name.endsWith('[]')) findings.signal('repeated-parameter', `${source}:${name}`)
  seen.add(name)
}
