// SPDX-License-Identifier: Apache-2.0

/** Its decoder fills a window before it tells anything of it: of one this long in half a millisecond. */
const windowBitsMax = 18

/**
 * How many bytes a body in brotli has when it is inflated, as far as its blocks say it before they are read (RFC 7932, 9.1 and 9.2). Undefined:
 * its window is so short that this is no matter. Infinity: they do not say it, for one is compressed and others follow.
 */
export function brotliBytes(bytes: Buffer): number | undefined {
  let at = 0
  const take = (count: number): number => {
    let taken = 0
    for (let bit = 0; bit < count; bit += 1, at += 1) taken += (((bytes[at >> 3] ?? 0) >> (at & 7)) & 1) * 2 ** bit
    return taken
  }
  if (windowBits(take) <= windowBitsMax) return undefined
  let before = 0
  while (at < 8 * bytes.length) {
    const isLast = take(1) === 1
    if (isLast && take(1) === 1) return before
    const nibbles = 4 + take(2)
    const length = take(4 * nibbles) + 1
    if (isLast) return before + length
    const isPlain = nibbles < 7 && take(1) === 1
    if (!isPlain) return Number.POSITIVE_INFINITY
    // From the next whole byte on it stands as it is.
    at = 8 * (Math.ceil(at / 8) + length)
    before += length
  }
  return before
}

function windowBits(take: (count: number) => number): number {
  if (take(1) === 0) return 16
  const more = take(3)
  if (more > 0) return 17 + more
  const less = take(3)
  return less === 0 ? 17 : 8 + less
}
