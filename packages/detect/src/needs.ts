// SPDX-License-Identifier: Apache-2.0

import { anyOne, anyRun, type Pattern } from '@sealwatch/contract/wildcard'
import { ruleLimits } from './limits.ts'
import type { Attribute } from './reading.ts'
import { mayGive } from './views.ts'

/** Where in a value the text stands. */
export type Place = 'whole' | 'start' | 'end' | 'anywhere'

/** A text that an event has at an attribute, in lower case; the empty text: it has anything there. */
export type Need = { readonly attribute: Attribute; readonly place: Place; readonly text: string }

/**
 * Of each of these an event has one at least, or the rule does not fire for it; the rarest first. None: it may be any event. An empty one
 * among them: it can be no event.
 */
export type Needs = readonly (readonly Need[])[]

export const presence = (attribute: Attribute): Need => ({ attribute, place: 'anywhere', text: '' })

/** The same of what an event has: a view is told of its value, and what is never there cannot be. */
export function inEvents(needs: Needs): Needs {
  return needs.map((group) =>
    group
      .filter(({ attribute: { path }, text }) => path[0] !== '*' && mayGive(path.at(-1) as string, text))
      .map((need) => {
        const { of, path } = need.attribute
        if (of === undefined) return need
        return isWord(path.at(-1) as string) ? { ...need, attribute: of, place: 'anywhere' } : presence(of)
      }),
  )
}

const isWord = (step: string) => /^#\d+$/.test(step)

/** Of alternatives: whatever any of them needs. */
export function eitherOf(alternatives: readonly Needs[]): Needs {
  const [only] = alternatives
  if (only !== undefined && alternatives.length === 1) return only
  const needs: Need[] = []
  for (const [rarest] of alternatives) {
    if (rarest === undefined) return []
    needs.push(...rarest)
  }
  return [
    needs.length > ruleLimits.needsMax ? [...new Set(needs.map(({ attribute }) => attribute))].map(presence) : needs,
  ]
}

/** Of parts that must all hold: what they need that the fewest events have. */
export function allNeeded(parts: readonly Needs[]): Needs {
  const byShare = parts.flat().map((group) => ({ group, share: share(group) }))
  return byShare
    .sort((one, other) => one.share - other.share)
    .slice(0, ruleLimits.needGroupsMax)
    .map(({ group }) => group)
}

/** What a text must have that a pattern matches as a whole. */
export function needOf(attribute: Attribute, pattern: Pattern): Need {
  const [first, last] = [pattern[0], pattern.at(-1)]
  if (pattern.length === 1 && typeof first === 'string') return { attribute, place: 'whole', text: first }
  const texts = pattern.filter((part) => typeof part === 'string')
  const text = texts.reduce((longest, one) => (one.length > longest.length ? one : longest), '')
  const isFree = (part: Pattern[number] | undefined) => part === anyRun || part === anyOne
  if (text === last && isFree(pattern.at(-2))) return { attribute, place: 'end', text }
  return { attribute, place: text === first ? 'start' : 'anywhere', text }
}

/** A guess at the share of events that have one of them; it decides what is looked for, never what is found. */
function share(needs: readonly Need[]): number {
  return 1 - needs.reduce((others, need) => others * (1 - shareOf(need)), 1)
}

/** Where the values of events differ as texts do; elsewhere a bare word is one of few. */
const texts = new Set(['path', 'cmd_line', 'filename', 'name', 'watched'])
const [sharePerUnit, placesInText, wordShare] = [1 / 8, 40, 0.2]

function shareOf({ attribute, place, text }: Need): number {
  if (text === '' || attribute.personal) return 1
  const isOneOfFew = /^[a-z_]+$/.test(text) && !texts.has(attribute.path.at(-1) as string)
  const rare = sharePerUnit ** text.length * (place === 'anywhere' ? placesInText : 1)
  return Math.min(1, Math.max(rare, isOneOfFew ? wordShare : 0))
}
