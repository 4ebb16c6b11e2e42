// SPDX-License-Identifier: Apache-2.0
// What somebody has written and not saved outlives their session: it is there again for the same person, in the same tenant,
// in the same tab.

export type Draft = {
  readonly text: string
  /** Of the version that it was made from; undefined: of none. */
  readonly etag: string | undefined
  /** When it was last written to. */
  readonly atMs: number
}
export type DraftPlace = { readonly person: string; readonly tenant: string; readonly policy: string }

export type Drafts = {
  read(place: DraftPlace): Draft | undefined
  /** What is longer than a policy may be is not kept; of too many the oldest goes. */
  keep(place: DraftPlace, draft: Draft): void
  drop(place: DraftPlace): void
  /** Whoever signs in finds nothing of whoever did before, and whoever signs out leaves nothing (undefined). */
  forgetOthers(person: string | undefined): void
}

/** A browser's storage, which may refuse everything. */
export type Shelf = Pick<Storage, 'length' | 'key' | 'getItem' | 'setItem' | 'removeItem'>

/** `textUnitsMax`: as many as a policy may have bytes. */
export const draftLimits = { textUnitsMax: 256 * 1024, draftsMax: 8 } as const

const prefix = 'sealwatch-draft '
const personPart = (person: string) => `${prefix}${JSON.stringify(person)} `
const nameOf = ({ person, tenant, policy }: DraftPlace) => personPart(person) + JSON.stringify([tenant, policy])

export function createDrafts(shelf: Shelf): Drafts {
  const names = () =>
    Array.from({ length: shelf.length }, (_, at) => shelf.key(at)).filter((name) => name?.startsWith(prefix) === true)
  const tolerant =
    <A extends readonly unknown[], T>(act: (...given: A) => T) =>
    (...given: A): T | undefined => {
      try {
        return act(...given)
      } catch {
        // A browser that keeps nothing, or is full, has it for this page.
        return undefined
      }
    }
  const readAt = tolerant((name: string) => draftIn(shelf.getItem(name)))
  const drop = tolerant((place: DraftPlace) => shelf.removeItem(nameOf(place)))
  return {
    read: (place) => readAt(nameOf(place)),
    drop,
    keep: tolerant((place, draft) => {
      // What was there is older: if this cannot be kept, that is not to come back in its place.
      drop(place)
      if (draft.text.length > draftLimits.textUnitsMax) return
      const age = (name: string | null) => readAt(name as string)?.atMs ?? 0
      const others = names().toSorted((a, b) => age(b) - age(a))
      for (const name of others.slice(draftLimits.draftsMax - 1)) shelf.removeItem(name as string)
      shelf.setItem(nameOf(place), JSON.stringify(draft))
    }),
    forgetOthers: tolerant((person) => {
      const isTheirs = (name: string | null) => person !== undefined && name?.startsWith(personPart(person)) === true
      for (const name of names()) if (!isTheirs(name)) shelf.removeItem(name as string)
    }),
  }
}

function draftIn(kept: string | null): Draft | undefined {
  const { text, etag, atMs } = JSON.parse(kept ?? '{}') as Partial<Record<keyof Draft, unknown>>
  if (typeof text !== 'string' || typeof atMs !== 'number') return undefined
  return { text, etag: typeof etag === 'string' ? etag : undefined, atMs }
}
