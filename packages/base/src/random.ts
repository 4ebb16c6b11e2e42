// SPDX-License-Identifier: Apache-2.0

/** From 0 to 1, for spreading things in time; never for secrets. Passed in, like the clock. */
export const systemRandom = (): number => Math.random()
