// SPDX-License-Identifier: Apache-2.0

import { skipCanonical, startsWith } from '@sealwatch/base/json'
import type { Automaton, Hits } from './automaton.ts'
import { type Candidates, type Field, hitAll, lookAt } from './candidates.ts'
import { type Attribute, type AttributeTable, type Found, find, type Reading } from './reading.ts'
import { isView } from './views.ts'

/**
 * Whether a rule may fire for the event whose canonical text begins at `from`. False is certain, whatever personal values
 * lie beside the line; true is for evaluate to decide. An event is read in one pass, and nothing of it is built but what
 * the rules for its type look at.
 */
export type Skim = (bytes: Uint8Array, from: number) => boolean

/** A member that attributes lead to or through; `id` says where its value is written down, -1 if nobody looks at it itself. */
type Member = {
  readonly name: Uint8Array
  readonly length: number
  readonly first: number | undefined
  readonly members: Member[]
  id: number
}

export function createSkim(table: AttributeTable, byType: ReadonlyMap<number, Candidates>): Skim {
  const type = table.attribute(['type_uid'])
  const root = newMember('')
  let count = 0
  const idOf = table.all.map((attribute) => {
    const member = memberAt(root, fixedPath(attribute))
    if (member.id < 0) member.id = count++
    return member.id
  })
  // Where each of them stands in the event that is being read; nobody keeps them beyond that.
  const places = new Int32Array(2 * count)
  return (bytes, from) => {
    places.fill(0)
    if (skimObject(bytes, from, root, places, 1) < 0) return true
    const at = 2 * (idOf[type.slot] as number)
    const candidates = byType.get(wholeNumber(bytes, places[at] as number, places[at + 1] as number))
    if (candidates === undefined) return false
    const seen = { personal: false }
    const reading = readingIn(bytes, places, idOf, seen)
    const rules = candidates((field, hits) => {
      const value = 2 * (idOf[field.attribute.slot] as number)
      lookIn(bytes, places[value] as number, places[value + 1] as number, field, reading, hits)
    })
    return rules.some((rule) => rule.judge(reading) !== undefined) || seen.personal
  }
}

/** Looks at a value where it lies, from `from` up to `to`; it is read only where that does not tell. */
function lookIn(bytes: Uint8Array, from: number, to: number, field: Field, reading: Reading, hits: Hits): void {
  const { attribute, isOne, automaton, ifThere, all } = field
  if (to === 0) return
  const first = bytes[from] as number
  if (attribute.personal) hitAll(all, hits)
  else if (!isOne) {
    hitAll(ifThere, hits)
    if (!scanScalars(bytes, from, to, automaton, hits)) lookAt(field, reading(attribute), hits)
  } else if (first !== objectOpen && first !== arrayOpen && first !== initialOfNull) {
    hitAll(ifThere, hits)
    const margin = first === quote ? 1 : 0
    if (!automaton.scanBytes(bytes, from + margin, to - margin, hits)) lookAt(field, reading(attribute), hits)
  }
}

/**
 * Looks at every text and number in an array or object, its keys included: more than is asked for, which costs a rule that is tried in vain.
 * False where there is an escape or a character beyond ASCII.
 */
function scanScalars(bytes: Uint8Array, from: number, to: number, automaton: Automaton, hits: Hits): boolean {
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] as number
    if (isSign[byte] === 1) continue
    let end = at + 1
    while (byte === quote ? bytes[end] !== quote : isSign[bytes[end] as number] !== 1) end += 1
    if (!automaton.scanBytes(bytes, byte === quote ? at + 1 : at, end, hits)) return false
    at = end
  }
  return true
}

const isSign = Uint8Array.from({ length: 256 }, (_, byte) => Number('[]{},:'.includes(String.fromCharCode(byte))))

/** As readingOf, except that what a personal value is remains open; `seen` tells that one was looked at. */
function readingIn(
  bytes: Uint8Array,
  places: Int32Array,
  idOf: readonly number[],
  seen: { personal: boolean },
): Reading {
  const slots: (readonly Found[])[] = []
  return (attribute) => {
    const known = slots[attribute.slot]
    if (known !== undefined) return known
    const at = 2 * (idOf[attribute.slot] as number)
    const to = places[at + 1] as number
    const value: unknown = to === 0 ? undefined : JSON.parse(text.decode(bytes.subarray(places[at], to)))
    const found = to === 0 ? [] : find(value, attribute, {}, fixedPath(attribute).length)
    seen.personal ||= attribute.personal && found.length > 0
    slots[attribute.slot] = found
    return found
  }
}

const [quote, backslash, comma, colon, objectOpen, objectClose] = [0x22, 0x5c, 0x2c, 0x3a, 0x7b, 0x7d]
const [arrayOpen, initialOfNull] = [0x5b, 0x6e]

const text = new TextDecoder()
const utf8 = new TextEncoder()
const newMember = (text: string): Member => {
  const name = utf8.encode(text)
  return { name, length: name.length, first: name[0], members: [], id: -1 }
}

/** Up to the elements of an array, or to views of a value, which are read one by one only when a rule looks at them. */
function fixedPath({ path }: Attribute): readonly string[] {
  const end = path.findIndex((step) => step === '*' || isView(step))
  return end < 0 ? path : path.slice(0, end)
}

function memberAt(root: Member, path: readonly string[]): Member {
  return path.reduce((member, step) => {
    const wanted = newMember(step)
    const known = memberNamed(member, wanted.name, 0, wanted.name.length)
    if (known === undefined) member.members.push(wanted)
    return known ?? wanted
  }, root)
}

function memberNamed({ members }: Member, bytes: Uint8Array, from: number, to: number): Member | undefined {
  const length = to - from
  const first = bytes[from]
  for (let i = 0; i < members.length; i += 1) {
    const member = members[i] as Member
    if (member.length === length && member.first === first && startsWith(bytes, from, member.name)) return member
  }
  return undefined
}

/** Returns the byte after the object, or -1 for what is not plainly canonical. `depth`: of the objects around it. */
function skimObject(bytes: Uint8Array, from: number, within: Member, places: Int32Array, depth: number): number {
  if (bytes[from] !== objectOpen) return -1
  let at = from + 1
  if (bytes[at] === objectClose) return at + 1
  for (;;) {
    if (bytes[at] !== quote) return -1
    const keyFrom = at + 1
    const keyTo = keyEnd(bytes, keyFrom)
    if (bytes[keyTo] !== quote || bytes[keyTo + 1] !== colon) return -1
    const valueFrom = keyTo + 2
    const member = memberNamed(within, bytes, keyFrom, keyTo)
    const isWay = member !== undefined && member.members.length > 0 && bytes[valueFrom] === objectOpen
    at = isWay ? skimObject(bytes, valueFrom, member, places, depth + 1) : skipCanonical(bytes, valueFrom, depth + 1)
    if (at < 0) return -1
    if (member !== undefined && member.id >= 0) {
      places[2 * member.id] = valueFrom
      places[2 * member.id + 1] = at
    }
    const next = bytes[at]
    at += 1
    if (next === objectClose) return at
    if (next !== comma) return -1
  }
}

/** Of a key in plain ASCII. */
function keyEnd(bytes: Uint8Array, from: number): number {
  let at = from
  for (let byte = bytes[at] as number; byte !== quote && byte !== backslash && byte < 0x80; byte = bytes[at] as number)
    at += 1
  return at
}

const [zero, exactDigits] = [0x30, 15]

/** -1, which is no type, for all that is not a short row of digits. */
function wholeNumber(bytes: Uint8Array, from: number, to: number): number {
  if (to === from || to - from > exactDigits) return -1
  let value = 0
  for (let at = from; at < to; at += 1) {
    const digit = (bytes[at] as number) - zero
    if (!(digit >= 0 && digit <= 9)) return -1
    value = 10 * value + digit
  }
  return value
}
