// SPDX-License-Identifier: Apache-2.0

export const notifyLimits = {
  /** Of a tenant, or of the cluster. */
  channels: 16,
  /** What one channel may owe; beyond it nothing more is taken up, and that is counted. */
  waiting: 1_000,
  /** Of one channel, what was sent or given up that is remembered. */
  ended: 1_000,
  /** After so many tries, or so long, nobody waits for it any more. */
  tries: 12,
  ageMs: 86_400_000,
  /** The pause doubles, from the first to the last. */
  pauseMs: { first: 5_000, last: 3_600_000 },
  /** Of one channel: what comes in a burst, and after it. What must wait is told together. */
  rate: {
    webhook: { burst: 20, perSecond: 1 / 3, keysMax: 10_000 },
    mail: { burst: 5, perSecond: 1 / 60, keysMax: 10_000 },
  },
  /** Messages that one names of those that it is told instead of. */
  inDigest: 10,
  /** Of a tenant, tests that somebody asks for. */
  tests: { burst: 5, perSecond: 1 / 60, keysMax: 10_000 },
  /** Admins of a tenant to whom one mail goes. */
  addresses: 32,
  /** A signing secret counts so long beside the one that took its place. */
  oldSecretMs: 86_400_000,
  /** Channels that are called at the same time; each has one call at once. */
  atOnce: 8,
  answerMs: 10_000,
  answerBytes: 16 * 1024,
} as const
