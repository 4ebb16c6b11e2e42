// SPDX-License-Identifier: Apache-2.0

import { type Document, isNode, LineCounter, parseAllDocuments } from 'yaml'
import { detectError } from '../errors.ts'
import { ruleLimits } from '../limits.ts'

export type RuleFile = { readonly path: string; readonly text: string }

/** A parsed document of a rule file, which still knows on which line each member stands. */
export type RuleDocument = {
  readonly path: string
  readonly value: unknown
  lineOf(path: readonly (string | number)[]): number
}

/** Throws SealwatchError: RULE_YAML; `where.line` is then the line that is wrong. */
export type ReadDocument = (where: { line: number }) => RuleDocument

/** The documents of a file, each as what reads it: one that is wrong leaves the others. Throws SealwatchError where that is the file. */
export function documentsIn({ path, text }: RuleFile): readonly ReadDocument[] {
  const attempted = `reading ${path}`
  if (text.length > ruleLimits.fileUnitsMax)
    throw detectError('RULE_TOO_LARGE', {
      attempted,
      received: `${text.length} of ${ruleLimits.fileUnitsMax} characters`,
    })
  const lines = new LineCounter()
  const documents = parsed(text, lines, attempted)
  if (documents.length > ruleLimits.documentsMax)
    throw detectError('RULE_TOO_MANY', {
      attempted,
      received: `${documents.length} of ${ruleLimits.documentsMax} documents`,
    })
  // A line of dashes at the end, or at the beginning, is no document of its own.
  const filled = documents.filter(({ contents, errors }) => contents !== null || errors.length > 0)
  if (filled.length === 0) throw detectError('RULE_YAML', { attempted, received: 'nothing' })
  return filled.map((document) => (where) => documentOf(path, document, lines, where))
}

function documentOf(
  path: string,
  document: Document.Parsed,
  lines: LineCounter,
  where: { line: number },
): RuleDocument {
  const [error] = document.errors
  where.line = lines.linePos(error?.pos[0] ?? document.range[0]).line
  const attempted = `reading ${path}, line ${where.line}`
  if (error) throw detectError('RULE_YAML', { attempted, received: error.message })
  return {
    path,
    value: plainValue(document, attempted),
    lineOf(at) {
      for (let length = at.length; length >= 0; length -= 1) {
        const node = length === 0 ? document.contents : document.getIn(at.slice(0, length), true)
        if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
      }
      return 1
    },
  }
}

function parsed(text: string, lines: LineCounter, attempted: string): readonly Document.Parsed[] {
  try {
    const documents = parseAllDocuments(text, { uniqueKeys: true, lineCounter: lines, prettyErrors: true })
    return Array.isArray(documents) ? documents : []
  } catch (cause) {
    // The parser descends by recursion: brackets by the thousand end here.
    if (!(cause instanceof RangeError)) throw cause
    throw detectError('RULE_YAML', { attempted, received: 'deeper nesting than can be read', cause })
  }
}

function plainValue(document: Document.Parsed, attempted: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 })
  } catch (cause) {
    throw detectError('RULE_YAML', { attempted, received: 'an alias', advice: 'Write the value out', cause })
  }
}
