// SPDX-License-Identifier: Apache-2.0

import { pointerTo } from './problem.ts'

/** RFC 6902, of the operations that differences need. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'move'; readonly from: string; readonly path: string }

type Holder = Readonly<Record<string, unknown>>

/** What makes one document of the other. Rules are told apart by their id, values of lists by themselves. */
export function patchBetween(before: unknown, after: unknown, pointer = ''): readonly PatchOperation[] {
  if (Object.is(before, after)) return []
  if (Array.isArray(before) && Array.isArray(after)) return patchArrays(before, after, pointer)
  if (!isHolder(before) || !isHolder(after)) return [{ op: 'replace', path: pointer, value: after }]
  const removed = Object.keys(before).filter((name) => !Object.hasOwn(after, name))
  return [
    ...removed.map((name) => ({ op: 'remove', path: pointerTo(pointer, name) }) as const),
    ...Object.entries(after).flatMap(([name, value]): readonly PatchOperation[] => {
      const path = pointerTo(pointer, name)
      return Object.hasOwn(before, name) ? patchBetween(before[name], value, path) : [{ op: 'add', path, value }]
    }),
  ]
}

/** Of one array; beyond it the array is replaced. */
const stepsMax = 64

function patchArrays(
  before: readonly unknown[],
  after: readonly unknown[],
  pointer: string,
): readonly PatchOperation[] {
  const keysAfter = after.map(keyOf)
  const keys = before.map(keyOf)
  if (!areOwn(keys) || !areOwn(keysAfter))
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ op: 'replace', path: pointer, value: after }]
  const operations: PatchOperation[] = []
  const kept = new Set(keysAfter)
  // What is there at each step, as the operations so far have made it.
  const values = new Map(keys.map((key, index) => [key, before[index]]))
  // To follow many that came, went and moved costs more than it tells.
  let steps = 0
  const whole = { op: 'replace', path: pointer, value: after } as const
  for (let at = keys.length - 1; at >= 0; at -= 1) {
    if (kept.has(keys[at])) continue
    steps += 1
    if (steps > stepsMax) return [whole]
    operations.push({ op: 'remove', path: `${pointer}/${at}` })
    keys.splice(at, 1)
  }
  for (const [at, key] of keysAfter.entries()) {
    const path = `${pointer}/${at}`
    if (keys[at] !== key) steps += 1
    if (steps > stepsMax) return [whole]
    if (!values.has(key)) {
      operations.push({ op: 'add', path, value: after[at] })
      keys.splice(at, 0, key)
      continue
    }
    if (keys[at] !== key) {
      const from = keys.indexOf(key, at)
      operations.push({ op: 'move', from: `${pointer}/${from}`, path })
      keys.splice(at, 0, ...keys.splice(from, 1))
    }
    operations.push(...patchBetween(values.get(key), after[at], path))
  }
  return operations
}

const isHolder = (value: unknown): value is Holder =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** By what an item is known wherever it stands; undefined: by nothing. */
function keyOf(item: unknown): string | undefined {
  if (isHolder(item)) return typeof item.id === 'string' ? `id ${item.id}` : undefined
  return typeof item === 'string' || typeof item === 'number' ? JSON.stringify(item) : undefined
}

const areOwn = (keys: readonly (string | undefined)[]) =>
  !keys.includes(undefined) && new Set(keys).size === keys.length

/** One difference, for people: `+` it is new, `-` it is gone, `~` it is otherwise, `>` it stands elsewhere. */
export type DifferenceLine = { readonly sign: '+' | '-' | '~' | '>'; readonly text: string }

/** The same, in words. */
export function describeDifference(before: Holder | null, after: Holder | null): readonly DifferenceLine[] {
  const members = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])]
  return members.flatMap((name) => {
    const [one, other] = [before?.[name], after?.[name]]
    return name === 'rules' ? describeRules(rulesIn(one), rulesIn(other)) : describeMember(name, one, other)
  })
}

const rulesIn = (value: unknown): readonly Holder[] => (Array.isArray(value) ? value.filter(isHolder) : [])

function describeRules(before: readonly Holder[], after: readonly Holder[]): readonly DifferenceLine[] {
  const known = new Map(before.map((rule) => [rule.id, rule]))
  const left = new Map(after.map((rule) => [rule.id, rule]))
  const gone = before
    .filter(({ id }) => !left.has(id))
    .map((rule): DifferenceLine => ({ sign: '-', text: `rule ${rule.id}: ${brief(rule)}` }))
  const kept = before.filter(({ id }) => left.has(id)).map(({ id }) => id)
  const order = after.filter(({ id }) => known.has(id)).map(({ id }) => id)
  const moved = movedOf(kept, order)
  const others = after.flatMap((rule, index): readonly DifferenceLine[] => {
    const earlier = known.get(rule.id)
    if (earlier === undefined) return [{ sign: '+', text: `rule ${rule.id} at ${index + 1}: ${brief(rule)}` }]
    const members = [...new Set([...Object.keys(earlier), ...Object.keys(rule)])]
    const place: readonly DifferenceLine[] = moved.has(rule.id)
      ? [{ sign: '>', text: `rule ${rule.id} stands at ${index + 1}` }]
      : []
    return [
      ...place,
      ...members.flatMap((name) => describeMember(`rule ${rule.id}: ${name}`, earlier[name], rule[name])),
    ]
  })
  return [...gone, ...others]
}

/** The fewest that need to move for one order to become the other: all but those of a longest rising sequence. */
function movedOf(before: readonly unknown[], after: readonly unknown[]): ReadonlySet<unknown> {
  const placeOf = new Map(before.map((id, index) => [id, index]))
  const places = after.map((id) => placeOf.get(id) as number)
  const tails: number[] = []
  const previous = places.map(() => -1)
  for (const [index, place] of places.entries()) {
    let low = 0
    let high = tails.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((places[tails[middle] as number] as number) < place) low = middle + 1
      else high = middle
    }
    previous[index] = tails[low - 1] ?? -1
    tails[low] = index
  }
  const moved = new Set(after)
  for (let index = tails.at(-1) ?? -1; index >= 0; index = previous[index] as number) moved.delete(after[index])
  return moved
}

function describeMember(name: string, before: unknown, after: unknown): readonly DifferenceLine[] {
  const [one, other] = [JSON.stringify(before), JSON.stringify(after)]
  if (one === other) return []
  if (before === undefined) return [{ sign: '+', text: `${name} ${other}` }]
  if (after === undefined) return [{ sign: '-', text: `${name} ${one}` }]
  if (Array.isArray(before) && Array.isArray(after)) return describeItems(name, before, after)
  if (isHolder(before) && isHolder(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((inner) =>
      describeMember(`${name}.${inner}`, before[inner], after[inner]),
    )
  return [{ sign: '~', text: `${name} ${one} -> ${other}` }]
}

/** What came and went; of objects that stand where others stood, what they have otherwise. */
function describeItems(name: string, before: readonly unknown[], after: readonly unknown[]): readonly DifferenceLine[] {
  if (before.length === after.length && [...before, ...after].every(isHolder))
    return before.flatMap((item, i) => describeMember(`${name}[${i + 1}]`, item, after[i]))
  const textsOf = (items: readonly unknown[]) => new Set(items.map((item) => JSON.stringify(item)))
  const [texts, textsAfter] = [textsOf(before), textsOf(after)]
  const gone = [...texts.difference(textsAfter)].map((text) => `-${text}`)
  const fresh = [...textsAfter.difference(texts)].map((text) => `+${text}`)
  return [{ sign: '~', text: `${name} ${[...gone, ...fresh].join(' ') || 'in another order'}` }]
}

/** A rule in one line: what it does, and to what. */
function brief({ id: _id, description: _description, ...rest }: Holder): string {
  return Object.entries(rest)
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
    .join(', ')
}
