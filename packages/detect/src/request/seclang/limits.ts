// SPDX-License-Identifier: Apache-2.0

/** Bounds of what rules may ask for, and of what looking at one request with them may cost. */
export const seclangLimits = {
  fileCharsMax: 4 * 1024 * 1024,
  filesMax: 512,
  rulesMax: 5_000,
  phrasesMax: 50_000,
  chainMax: 16,
  /** Of an expanded macro, and of all variables that a request's rules set. */
  macroCharsMax: 16 * 1024,
  variablesMax: 2_000,
  /**
   * What looking at one request may cost: a byte that an automaton reads is a step. All of it takes two to three milliseconds of a core;
   * with the Core Rule Set a request of 4 KB takes a third of it at most, of real ones one in five hundred more than all.
   */
  stepsMax: 2_500_000,
  /** A text that the engine for SQL and script injection is asked about costs so many, and so many more for each character. */
  injectionSteps: 2_000,
  injectionStepsPerChar: 8,
  /** Characters of it that are looked at, at its beginning and at its end. */
  injectionCharsMax: 4_000,
  /** In one call of it, and calls that one context of it answers: each leaves some 150 bytes behind there. */
  injectionTextsAtOnce: 8,
  injectionCallsMax: 4_096,
  /** Texts, of each kind of injection, of which is remembered what was found in them: 4 MB of each kind at most. */
  injectionTextsRemembered: 2_048,
  /** Texts of which is remembered what was found, in each of two halves, by what rules look at: headers, cookies, parameters of one name. */
  textsRemembered: 512,
  /** Told of one request. */
  matchesMax: 64,
  textCharsMax: 256,
} as const
