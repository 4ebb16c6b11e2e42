// SPDX-License-Identifier: Apache-2.0

import { type Document, isNode, LineCounter, parseAllDocuments } from 'yaml'
import { detectError } from '../errors.ts'
import { ruleLimits } from '../limits.ts'

export type RuleFile = { readonly path: string; readonly text: string }

/** A parsed rule file that still knows on which line each member stands. */
export type RuleDocument = {
  readonly value: unknown
  lineOf(path: readonly (string | number)[]): number
}

/** Throws SealwatchError: RULE_TOO_LARGE or RULE_YAML. */
export function parseDocument({ path, text }: RuleFile): RuleDocument {
  const attempted = `reading ${path}`
  if (text.length > ruleLimits.fileUnitsMax)
    throw detectError('RULE_TOO_LARGE', {
      attempted,
      received: `${text.length} of ${ruleLimits.fileUnitsMax} characters`,
    })
  const lines = new LineCounter()
  const document = theOne(text, lines, attempted)
  const [error] = document.errors
  if (error)
    throw detectError('RULE_YAML', {
      attempted: `${attempted}, line ${lines.linePos(error.pos[0]).line}`,
      received: error.message,
    })
  return {
    value: plainValue(document, attempted),
    lineOf(at) {
      for (let length = at.length; length > 0; length -= 1) {
        const node = document.getIn(at.slice(0, length), true)
        if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
      }
      return 1
    },
  }
}

function theOne(text: string, lines: LineCounter, attempted: string): Document.Parsed {
  try {
    const documents = parseAllDocuments(text, { uniqueKeys: true, lineCounter: lines, prettyErrors: true })
    const [document] = Array.isArray(documents) ? documents : []
    if (document === undefined) throw detectError('RULE_YAML', { attempted, received: 'nothing' })
    if (documents.length > 1)
      throw detectError('RULE_YAML', {
        attempted,
        received: `${documents.length} documents`,
        advice: 'One rule a file',
      })
    return document
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
