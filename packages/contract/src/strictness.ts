// SPDX-License-Identifier: Apache-2.0

/** What whoever switches strict signatures off says, word for word (docs/strict-signatures.md). */
export const strictOffPhrase = 'I accept rows that nobody has verified'

/** Of a configuration: the phrase, and behind a comma what tells it from the one before, such as a date. */
export const isStrictOffAcknowledgement = (said: string): boolean =>
  said === strictOffPhrase || (said.startsWith(`${strictOffPhrase}, `) && /^[ -~]{1,200}$/.test(said))

/** For how long, in seconds. `soloMax`: of any `windowSeconds`, all in all; more takes a manifest (manifest.md, 1). */
export const strictOffSeconds = {
  min: 60,
  usual: 86_400,
  soloMax: 86_400,
  windowSeconds: 604_800,
  max: 31_536_000,
} as const
