// SPDX-License-Identifier: Apache-2.0

/** What a request may be to be read at all. What is beyond is refused at the door: no server passes it on. */
export const contextLimits = {
  methodCharsMax: 256,
  versionCharsMax: 16,
  targetCharsMax: 1024 * 1024,
  headersMax: 2_000,
  headerCharsMax: 1024 * 1024,
  bodyBytesMax: 256 * 1024 * 1024,
  addressCharsMax: 64,
  nameCharsMax: 1_024,
} as const

export type DecodeLimits = { readonly [name in keyof typeof decodeLimits]: number }

/**
 * How much of a request is looked at. Beyond each of them a signal is raised. Together they bound what a request may cost: 104 K
 * characters are parted and read at most, and the few that were hidden in them.
 */
export const decodeLimits = {
  /** Of a path and of a query, each. Servers that are not told otherwise take 8 to 16 K of both and all headers. */
  targetHeadChars: 8 * 1024,
  targetTailChars: 4 * 1024,
  /** Of all headers, and, where they are longer together, of each. */
  headersMax: 256,
  headersHeadChars: 12 * 1024,
  headersTailChars: 4 * 1024,
  headerHeadChars: 4 * 1024,
  headerTailChars: 1024,
  /** Of a body, from its beginning and from its end. */
  headBytesMax: 48 * 1024,
  tailBytesMax: 16 * 1024,
  /** Behind the beginning, and as much before the end: searched for what attacks are made of, and not read. */
  searchedBytesMax: 64 * 1024,
  /** Of a compressed body, after it was inflated. */
  inflatedBytesMax: 128 * 1024,
  inflateInputBytesMax: 128 * 1024,
  /** Of headers with cookies, of the query, and of the body, each. What stands behind is one more value, unparted. */
  valuesMax: 1_000,
  depthMax: 64,
  /** Decodings within one another, forms of one value, and characters of all of them in a request. */
  nestingMax: 3,
  formsMax: 4,
  formCharsMax: 16 * 1024,
  /** A run of one and the same character that is no longer an accident. */
  runCharsMax: 512,
  /** Those beyond are of the same kind elsewhere: many that weigh little hide none that weighs much. */
  signalsOfKindMax: 8,
} as const

/** How much the model reads, and tells of it. */
export const modelLimits = {
  /** Of all values of a request. */
  charsMax: 192 * 1024,
  /** At once, of one value: its beginning and its end. A longer one is read piece by piece, if there is room for all of it. */
  headCharsMax: 4_096,
  tailCharsMax: 2_048,
  pieceChars: 6_144,
  /** What two pieces have in common, so that an attack lies in one of them. */
  overlapChars: 512,
  /** Symbols of a segment. Two neighbouring ones are a window: an attack among much else stands alone in one. */
  segmentSymbols: 32,
  /** N-grams told as reasons. */
  reasonsMax: 5,
  /** Texts of which the logit is remembered. */
  textsRemembered: 2_048,
  /** Of each of its two files. */
  fileBytesMax: 4 * 1024 * 1024,
} as const

/** Longer texts are not remembered. Of those that are, headers and short parameters of all tenants, some 30 MB are kept at most, of real ones 2. */
export const rememberedCharsMax = 512
