// SPDX-License-Identifier: Apache-2.0

/** The score that no more than `rate` of the honest requests exceed. */
export function thresholdAt(rate: number, honest: readonly number[]): number {
  const sorted = [...honest].sort((a, b) => b - a)
  return sorted[Math.floor(rate * sorted.length)] as number
}

export const shareAbove = (threshold: number, scores: readonly number[]): number =>
  scores.filter((score) => score > threshold).length / scores.length

/** How likely an attack scores higher than an honest request: the area under the ROC curve. */
export function areaUnderCurve(attacks: readonly number[], honest: readonly number[]): number {
  const all = [...attacks.map((score) => ({ score, is: 1 })), ...honest.map((score) => ({ score, is: 0 }))]
  all.sort((a, b) => a.score - b.score)
  let ranks = 0
  for (const [rank, { is }] of all.entries()) ranks += is * (rank + 1)
  return (ranks - (attacks.length * (attacks.length + 1)) / 2) / (attacks.length * honest.length)
}
