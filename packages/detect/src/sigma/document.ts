// SPDX-License-Identifier: Apache-2.0

import { type Document, isNode, isScalar, LineCounter, parseAllDocuments, type Scalar, visit } from 'yaml'
import { detectError } from '../errors.ts'
import { ruleLimits } from '../limits.ts'

export type RuleFile = { readonly path: string; readonly text: string }

/** A parsed document of a rule file, which still knows on which line each member stands. */
export type RuleDocument = {
  readonly path: string
  readonly value: unknown
  lineOf(path: readonly (string | number)[]): number
}

/** `failsafe`: every scalar is the text that it is written as. */
export type DocumentForm = { readonly unitsMax: number; readonly schema: 'core' | 'failsafe' }
const sigmaForm: DocumentForm = { unitsMax: ruleLimits.fileUnitsMax, schema: 'core' }

/** Throws SealwatchError: RULE_YAML; `where.line` is then the line that is wrong. */
export type ReadDocument = (where: { line: number }) => RuleDocument

/** The documents of a file, each as what reads it: one that is wrong leaves the others. Throws SealwatchError where that is the file. */
export function documentsIn({ path, text }: RuleFile, form: DocumentForm = sigmaForm): readonly ReadDocument[] {
  const attempted = `reading ${path}`
  if (text.length > form.unitsMax)
    throw detectError('RULE_TOO_LARGE', { attempted, received: `${text.length} of ${form.unitsMax} characters` })
  const lines = new LineCounter()
  const documents = parsed(text, form, lines, attempted)
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
  const twice = keyTwice(document)
  if (twice) {
    where.line = lines.linePos(twice.range?.[0] ?? 0).line
    throw detectError('RULE_YAML', {
      attempted: `reading ${path}, line ${where.line}`,
      received: `${twice.value} twice`,
    })
  }
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

function parsed(
  text: string,
  { schema }: DocumentForm,
  lines: LineCounter,
  attempted: string,
): readonly Document.Parsed[] {
  try {
    // Its own look for keys that stand twice takes the square of their number.
    const documents = parseAllDocuments(text, { uniqueKeys: false, lineCounter: lines, prettyErrors: true, schema })
    return Array.isArray(documents) ? documents : []
  } catch (cause) {
    // The parser descends by recursion: brackets by the thousand end here.
    if (!(cause instanceof RangeError)) throw cause
    throw detectError('RULE_YAML', { attempted, received: 'deeper nesting than can be read', cause })
  }
}

function keyTwice(document: Document.Parsed): Scalar | undefined {
  let twice: Scalar | undefined
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>()
      for (const { key } of items) {
        if (!isScalar(key)) continue
        if (seen.has(key.value)) twice ??= key
        seen.add(key.value)
      }
      return twice && visit.BREAK
    },
  })
  return twice
}

function plainValue(document: Document.Parsed, attempted: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 })
  } catch (cause) {
    throw detectError('RULE_YAML', { attempted, received: 'an alias', advice: 'Write the value out', cause })
  }
}
