// SPDX-License-Identifier: Apache-2.0
// Where the values of Falco's fields come from: members of our events, and what can be told from them.

import type { AttributeTable, Found, Reading } from '../reading.ts'

/** `text` is compared. The rest says on which member of the line it rests; `pointer` is empty where on none. */
export type Value = Pick<Found, 'pointer' | 'sealed' | 'text'>
/** What an event has for a field; nothing where it has no value. */
export type Read = (reading: Reading) => readonly Value[]

export type Source = {
  /** `argument`: what stands in brackets behind the field. */
  readonly open: (attributes: AttributeTable, argument: string | undefined) => Read
  /** All that it can ever be, where that is known beforehand; undefined among them: no value. */
  readonly oneOf?: readonly (string | undefined)[]
  /** The member whose text, or a part of it, each of its values is: what its events are found by. */
  readonly rests?: (argument: string | undefined) => { readonly on: string; readonly isPart: boolean }
  /** What it has is so, and of what it has not nobody knows whether it is so. */
  readonly isPartial?: true
}

const pathOf = (path: string) => path.split('/')

/** A member as it is. */
export const at = (path: string): Source => ({
  rests: () => ({ on: path, isPart: false }),
  open(attributes) {
    const attribute = attributes.attribute(pathOf(path))
    return (reading) => reading(attribute)
  },
})

type More = Omit<Source, 'open'>
type Lists<P extends readonly string[]> = { readonly [K in keyof P]: readonly Found[] }
type Firsts<P extends readonly string[]> = { readonly [K in keyof P]: Found | undefined }

/** Told from all that an event has at several places, once for each event however many rules ask. */
export const toldOfAll = <const P extends readonly string[]>(
  paths: P,
  tell: (lists: Lists<P>, argument: string | undefined) => readonly Value[],
  more: More = {},
): Source => ({
  ...more,
  open(attributes, argument) {
    const places = paths.map((path) => attributes.attribute(pathOf(path)))
    let of: Reading | undefined
    let values: readonly Value[] = []
    return (reading) => {
      if (reading !== of) values = tell(places.map(reading) as unknown as Lists<P>, argument)
      of = reading
      return values
    }
  },
})

/** The same of places that hold one value at most. */
export const told = <const P extends readonly string[]>(
  paths: P,
  tell: (firsts: Firsts<P>) => readonly Value[],
  more?: More,
): Source => toldOfAll(paths, (lists) => tell(lists.map(([first]) => first) as unknown as Firsts<P>), more)

/** Told from the text of one member; undefined: it has no value. */
export const toldFrom = (path: string, tell: (text: string) => string | undefined, more?: More): Source =>
  told([path], ([found]) => (found ? changed(found, tell(found.text)) : []), more)

/** The same of what is a part of the member's text as it stands there. */
export const partOf = (path: string, tell: (text: string) => string | undefined): Source =>
  toldFrom(path, tell, { rests: () => ({ on: path, isPart: true }) })

/** The same value whatever the event says. */
export function always(text: string): Source {
  const values = [plain(text)]
  return { open: () => () => values, oneOf: [text] }
}
export const never: Source = { open: () => () => [], oneOf: [undefined] }

export const plain = (text: string): Value => ({ pointer: '', sealed: '', text })
export const changed = ({ pointer, sealed }: Value, text: string | undefined): readonly Value[] =>
  text === undefined ? [] : [{ pointer, sealed, text }]
