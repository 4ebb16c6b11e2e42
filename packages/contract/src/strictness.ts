// SPDX-License-Identifier: Apache-2.0

/** What whoever switches strict signatures off says, word for word (docs/strict-signatures.md). */
export const strictOffPhrase = 'I accept rows that nobody has verified'

/** For how long, in seconds. `soloMax`: longer takes a manifest (manifest.md, 1). */
export const strictOffSeconds = { min: 60, usual: 86_400, soloMax: 86_400, max: 31_536_000 } as const
