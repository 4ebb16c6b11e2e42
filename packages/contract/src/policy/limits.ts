// SPDX-License-Identifier: Apache-2.0

/** Bounds of what a policy may ask for: whoever writes one must not be able to stop what judges by it. */
export const policyLimits = {
  /** Of a document as text, in UTF-8. */
  textBytesMax: 256 * 1024,
  depthMax: 12,
  rulesMax: 1_000,
  /** Problems that are told; the others are counted. */
  problemsMax: 100,
  nameUnitsMax: 100,
  descriptionUnitsMax: 1_000,
  /** Of a path, a command line, a user, a unit. */
  patternUnitsMax: 512,
  /** Values that a member of a rule lists. */
  valuesMax: 256,
  subjectsMax: 64,
  listsMax: 64,
  listValuesMax: 4_096,
  /** Values that the rules name in all, those of their lists counted each time. */
  namedValuesMax: 20_000,
  /** Steps of comparing rules with each other: beyond them unreachable rules are not looked for. */
  comparisonsMax: 2_000_000,
  daysMax: 3_650,
  secondsMax: 7 * 24 * 3600,
} as const
