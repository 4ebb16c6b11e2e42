// SPDX-License-Identifier: Apache-2.0

import {
  type Document,
  isAlias,
  isCollection,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseAllDocuments,
} from 'yaml'
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
  const refused = refusedIn(document.contents)
  if (refused) {
    const { node, ...why } = refused
    where.line = lines.linePos(node.range?.[0] ?? 0).line
    throw detectError('RULE_YAML', { attempted: `reading ${path}, line ${where.line}`, ...why })
  }
  return {
    path,
    value: document.toJS({ maxAliasCount: 0 }),
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

type Refused = { readonly node: Node; readonly received: string; readonly advice?: string }

/**
 * The first of what a rule file may not have, though it is YAML; looked for before it is made a value, since of a key that is a
 * list or a map the text is written, again for each that it lies in.
 */
function refusedIn(node: unknown, depth = 0): Refused | undefined {
  if (isAlias(node)) return { node, received: 'an alias', advice: 'Write the value out' }
  if (!isCollection(node)) return undefined
  if (depth === ruleLimits.documentDepthMax)
    return { node, received: `nesting deeper than ${ruleLimits.documentDepthMax}` }
  const keys = new Set<unknown>()
  for (const item of node.items) {
    const refused = isPair(item)
      ? (refusedKey(item.key, keys) ?? refusedIn(item.value, depth + 1))
      : refusedIn(item, depth + 1)
    if (refused) return refused
  }
  return undefined
}

function refusedKey(key: unknown, keys: Set<unknown>): Refused | undefined {
  if (isScalar(key)) {
    if (keys.has(key.value)) return { node: key, received: `${key.value} twice` }
    keys.add(key.value)
    return undefined
  }
  return isNode(key) ? { node: key, received: 'a key that is no text', advice: 'Write keys as texts' } : undefined
}
