// SPDX-License-Identifier: Apache-2.0
// Tests only: Falco files as users write them, judged over golden events.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { evaluate, type LoadedRules, loadRules } from '../ruleset.ts'

export type Event = { readonly type_uid: number }
const vectors = join(import.meta.dirname, '../../../../vectors/events')
export const golden = (name: string) => JSON.parse(readFileSync(join(vectors, `${name}.json`), 'utf8')) as Event

export const ruleText = (condition: string, more = '', name = 'R') =>
  `- rule: ${name}\n  desc: d\n  condition: >\n    ${condition}\n  output: o\n  priority: WARNING\n${more}`

export const load = (...texts: readonly string[]): LoadedRules =>
  loadRules(texts.map((text, index) => ({ path: `${index}.yaml`, text })))

/** The rules that fire for an event, all files being right. */
export function firing(event: Event | string, ...texts: readonly string[]): readonly string[] {
  const { ruleset, problems } = load(...texts)
  assert.deepEqual(
    problems.map(({ error }) => error.message),
    [],
  )
  return evaluate(ruleset, typeof event === 'string' ? golden(event) : event).map(({ rule }) => rule.title)
}

export const fires = (event: Event | string, condition: string, ...others: readonly string[]): boolean =>
  firing(event, ...others, ruleText(condition)).length > 0

export const problemsIn = (...texts: readonly string[]): readonly string[] =>
  load(...texts).problems.map(({ path, line, error }) => `${path}:${line} ${error.message}`)
