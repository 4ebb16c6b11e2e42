// SPDX-License-Identifier: Apache-2.0

import { type Macro, parseMacro, variablesIn } from './macro.ts'
import { type Entry, isMarker, linksOf, type SecRule } from './rule.ts'
import { isMeant, type Target } from './targets.ts'
import { isScore } from './variables.ts'

/**
 * Without the rules that only set what nobody reads, such as a hash of the user agent under which a proxy would keep a collection:
 * whether they match makes no difference.
 */
export function withoutUnread(phases: readonly (readonly Entry[])[]): Entry[][] {
  const links = phases.flat().flatMap((entry) => (isMarker(entry) ? [] : linksOf(entry)))
  const isRead = readersOf(links)
  return phases.map((entries) => entries.filter((entry) => isMarker(entry) || !isIdle(entry, isRead)))
}

function isIdle(rule: SecRule, isRead: (name: string) => boolean): boolean {
  const { isLogged, blocks, skipAfter } = rule
  return (
    !isLogged &&
    !blocks &&
    skipAfter === undefined &&
    linksOf(rule).every(
      ({ captures, controls, setVariables }) =>
        !captures &&
        controls.length === 0 &&
        setVariables.every(({ name }) => name.parts === undefined && !isScore(name.source) && !isRead(name.source)),
    )
  )
}

/** Who reads a variable: a target that means it, and text that is made with it. */
function readersOf(links: readonly SecRule[]): (name: string) => boolean {
  const targets = links
    .flatMap(({ targets, excluded }) => [...targets, ...excluded])
    .filter(({ collection }: Target) => collection === 'TX')
  const named = new Set(links.flatMap(macrosOf).flatMap((macro) => variablesIn(macro).tx))
  return (name) => named.has(name) || targets.some((target) => isMeant(target, name, name))
}

const macrosOf = ({ operatorSource, setVariables }: SecRule): Macro[] => [
  parseMacro(operatorSource),
  ...setVariables.flatMap(({ name, value }) => [name, value]),
]
