// SPDX-License-Identifier: Apache-2.0

const MiB = 1024 * 1024

/** Bounds of what feeds may bring: whoever writes one is not trusted with the memory or the judgement of who reads it. */
export const reputationLimits = {
  feedsMax: 64,
  exceptMax: 1_024,
  feedBytesMax: 64 * MiB,
  /** Of what is one JSON document, which takes many times its size while it is read. */
  documentBytesMax: 16 * MiB,
  /** Of all feeds together; 60 MB of IPv4, 108 of IPv6. */
  prefixesMax: 4_000_000,
  /** Wrong entries of a feed that are told, and UTF-16 units of each. */
  wrongTold: 5,
  wrongUnitsMax: 80,
  /** Of all its entries; beyond this a feed is refused as a whole. */
  wrongShareMax: 0.25,
  /** Of all IPv4 addresses; a feed that lists more has lost its meaning, and its users would lose theirs. */
  coverShareMax: 0.25,
  /** A prefix is no wider. */
  bitsMin: { 4: 3, 6: 4 },
  ttlSecondsMax: 366 * 86_400,
  refreshSecondsMin: 60,
} as const
