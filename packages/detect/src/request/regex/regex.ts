// SPDX-License-Identifier: Apache-2.0

import { type Required, requiredBy } from './atoms.ts'
import { createBacktracker } from './backtrack.ts'
import { type Captures, createCaptures } from './captures.ts'
import { createDfa, type Meter, type Scan } from './dfa.ts'
import { programOf } from './program.ts'
import { createSpans, type Span } from './span.ts'
import { parsePattern } from './syntax.ts'

export type ByteRegex = {
  readonly required: Required
  readonly notes: readonly string[]
  /** Is there a match? Undefined when the meter ran out. */
  test(text: string, meter: Meter): boolean | undefined
  /** Where the match lies that a backtracking engine would find first. */
  span(text: string, meter: Meter): Span | undefined
  /** The same, with its groups: where each lies that a backtracking engine would find first. */
  captures(text: string, meter: Meter): Captures | undefined
}

/**
 * A regular expression of PCRE over bytes (texts are latin1), in time linear in the text and bounded by a meter.
 * Throws RegexSyntaxError. Automata are made when they are first needed.
 */
export function compileByteRegex(source: string, flags: { readonly ignoreCase?: boolean } = {}): ByteRegex {
  if (wholes.has(source)) return wholeText
  const { node, groups, notes, isRegular } = parsePattern(source, flags)
  if (!isRegular) {
    const backtracking = createBacktracker(node, groups)
    const note =
      'look-around or back-references: it is run by backtracking, and given up on a text for which that takes long'
    return {
      required: requiredBy(node),
      notes: [...notes, note],
      test: (text, meter) => {
        const missed = meter.missed ?? 0
        const found = backtracking(text, meter)
        return found === undefined && (meter.missed ?? 0) > missed ? undefined : found !== undefined
      },
      span(text, meter) {
        const at = backtracking(text, meter)
        return at && [at[0] as number, at[1] as number]
      },
      captures: backtracking,
    }
  }
  const plain = programOf(node, false)
  let scan: Scan | undefined
  let spans: ReturnType<typeof createSpans> | undefined
  let keeping: ReturnType<typeof createCaptures> | undefined
  const scanned = () => {
    scan ??= createDfa(plain)
    return scan
  }
  const spanIn = (text: string, meter: Meter): Span | undefined => {
    const from = scanned().startIn(text, meter)
    spans ??= createSpans(plain)
    return spans(text, from, meter)
  }
  return {
    required: requiredBy(node),
    notes,
    test: (text, meter) => scanned().test(text, meter),
    span: spanIn,
    captures(text, meter) {
      const span = spanIn(text, meter)
      if (span === undefined) return undefined
      keeping ??= createCaptures(programOf(node, true), groups)
      return keeping(text, span[0], meter)
    },
  }
}

/** How rules ask for a text whatever it is: of that, no byte has to be read. */
const wholes = new Set(['^.*$', '^.*', '.*$', '.*'])
const wholeText: ByteRegex = {
  required: {},
  notes: [],
  test: () => true,
  span: (text) => [0, text.length],
  captures: (text) => [0, text.length],
}
