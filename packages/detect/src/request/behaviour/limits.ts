// SPDX-License-Identifier: Apache-2.0

/** Bounds of what is remembered of users and tenants. */
export const behaviourLimits = {
  usersMax: 1_000_000,
  tenantsMax: 4_096,
  usersDefault: 100_000,
  tenantsDefault: 1_000,
  /** UTF-16 units of a name, path or agent that tell it from others, with its length. */
  textUnitsMax: 256,
  /** What is late by no more than this counts into the period that has begun since. */
  lateMsMax: 10_000,
  /** Reasons that a judgement tells. */
  reasonsMax: 8,
} as const
