// SPDX-License-Identifier: Apache-2.0

const halvings = Array.from({ length: 64 }, (_, power) => 1 / 2 ** power)

/**
 * 1 / (1 + e^-x), from additions, multiplications and divisions alone: engines may round Math.exp in different ways, and
 * these they may not (IEEE 754). Exact to 1e-12.
 */
export function sigmoid(x: number): number {
  if (x < 0) return 1 - sigmoid(-x)
  if (x > 40) return 1
  const power = Math.floor(x / Math.LN2)
  const rest = x - power * Math.LN2
  let series = 1
  for (let term = 18; term > 0; term -= 1) series = 1 - (rest / term) * series
  return 1 / (1 + series * (halvings[power] as number))
}
