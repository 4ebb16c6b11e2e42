// SPDX-License-Identifier: Apache-2.0
// What is remembered of one user, or of one tenant: a row of 108 words in one slab, so that a hundred thousand are 43 MB and
// nothing for the collector to walk over. A row is named by its first word; all places below count from there.

export type Slab = {
  readonly words: Uint32Array<ArrayBuffer>
  readonly halves: Uint16Array<ArrayBuffer>
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly reals: Float32Array<ArrayBuffer>
}

/** Of the name, in two words; `tenant`: the row of the tenant, of a user; `seen`: requests, up to what a word holds. */
export const place = {
  low: 0,
  high: 1,
  tenant: 2,
  seen: 3,
  /** Minute, hour and day: a SpanPlace each. */
  spans: 4,
  /** Shares of requests that failed: of the latest few, and of many. */
  failedLately: 19,
  failedUsually: 20,
  /** Of the logarithm of different routes in an hour; a variance stands behind its mean. */
  routesMean: 21,
  routesVariance: 22,
  /** Shares of requests that came from a new network, by a new agent, for a new route. */
  novelty: 23,
  /** A bit for each route of this hour, where its hash says. */
  routeBits: 26,
  /** Hashes, the latest first; 0: none. */
  networks: 34,
  agents: 42,
  routes: 50,
  /** A byte for each hour of the week. */
  hours: 66,
} as const
export const rowWords = 108
export const hoursOfWeek = 168

export const spanPlace = {
  /** Which minute, hour or day since 1970 is counted. */
  period: 0,
  count: 1,
  /** Of the logarithm of what periods held before. */
  mean: 2,
  variance: 3,
  /** Halves of one word: how many periods that was, and whether this one began within a jump of the clock. */
  periods: 4,
} as const
export const spanWords = 5

/** Kinds of things that can be new, and how many of each are known. */
export const novelties = [
  { name: 'network', at: place.networks, known: 8 },
  { name: 'agent', at: place.agents, known: 8 },
  { name: 'route', at: place.routes, known: 16 },
] as const
export type Novelty = (typeof novelties)[number]

export const routeWords = 8
export const routeBits = 32 * routeWords
/** What is told, and learned, where no bit is left. */
export const routesMost = 2_000

export function newSlab(rows: number): Slab {
  const buffer = new ArrayBuffer(4 * rowWords * rows)
  return {
    words: new Uint32Array(buffer),
    halves: new Uint16Array(buffer),
    bytes: new Uint8Array(buffer),
    reals: new Float32Array(buffer),
  }
}

/** Estimated by how many bits are left (linear counting). */
export function routesOf({ words }: Slab, row: number): number {
  let set = 0
  for (let word = 0; word < routeWords; word += 1) set += bitsIn(words[row + place.routeBits + word] as number)
  return set === routeBits ? routesMost : Math.round(-routeBits * Math.log(1 - set / routeBits))
}

function bitsIn(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555)
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}

export const isKnown = ({ words }: Slab, row: number, { at, known }: Novelty, hash: number): boolean => {
  for (let from = row + at; from < row + at + known; from += 1) if (words[from] === hash) return true
  return false
}

export const hourByte = (row: number, hour: number) => 4 * (row + place.hours) + hour
/** Hours of the week begin on Monday, UTC; 1970 did on a Thursday. */
export const hourOfWeek = (hour: number) => (hour + 3 * 24) % hoursOfWeek
