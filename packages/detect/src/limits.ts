// SPDX-License-Identifier: Apache-2.0

/** Bounds of what rule files may ask for: whoever writes a rule must not be able to stop detection with it. */
export const ruleLimits = {
  fileUnitsMax: 64 * 1024,
  /** Of one file. */
  documentsMax: 128,
  /** Of lists and maps within each other. */
  documentDepthMax: 32,
  rulesMax: 10_000,
  selectionsMax: 64,
  valuesMax: 4_096,
  /** UTF-16 units of what placeholders make of the texts of one rule, and of all rules together; each text that is made on the way counts one more. */
  expandedUnitsMax: 262_144,
  expandedUnitsInAllMax: 4_194_304,
  /** Behind each other: three of base64offset make 27 texts of one. */
  encodingsMax: 3,
  conditionUnitsMax: 4_096,
  conditionDepthMax: 32,
  regexUnitsMax: 1_024,
  /** States of the automaton: the steps each character of the input can cost. */
  regexStatesMax: 2_000,
  /** Sets of states of one expression that are kept, 129 bytes each and less than 127 of them; a text that needs more is read by the slower way. */
  regexRowsMax: 64,
  regexDepthMax: 32,
  /** Texts of which one must occur for a rule to fire; of a rule with more only where they stand is looked at. */
  needsMax: 1_024,
  /** Of such lists one rule has so many: an event has to have something of each before the rule is tried. */
  needGroupsMax: 4,
  /** States of all automata by which rules are found; rules beyond that are tried with every event of their type. */
  indexStatesMax: 262_144,
  /** UTF-16 units of a text that are looked for; what is longer is found by its first ones, or by its last. */
  indexUnitsMax: 32,
  correlationsMax: 1_000,
  /** What one is about, what it groups by, and how many stand behind each other. */
  correlationSourcesMax: 16,
  correlationKeysMax: 8,
  correlationDepthMax: 4,
  /** What a condition may ask for: a finding names each event that it rests on, and has to fit a line. */
  correlationCountMax: 200,
  correlationDays: 30,
  /** How late an event may come, beside newer ones. */
  correlationLateSeconds: 60,
  /** Groups of one tenant, and leaves in them together. */
  correlationGroupsMax: 4_096,
  correlationLeavesMax: 16_384,
  /** Entries of one source that a group keeps, where each source is asked for once. */
  correlationPerSourceMax: 8,
  /** Reasons told in a finding, and UTF-16 units of each of their values. */
  reasonsMax: 8,
  reasonUnitsMax: 256,
} as const

/** The same of Falco's rule files, which hold many rules. */
export const falcoLimits = {
  fileUnitsMax: 512 * 1024,
  /** Of one file, and members of one of them. */
  elementsMax: 8_192,
  membersMax: 64,
  /** So that an id, which is the name behind a word, is one that can be asked for. */
  nameUnitsMax: 200,
  /** Of one condition with all that is appended to it, macros not written out. */
  conditionUnitsMax: 32 * 1024,
  conditionDepthMax: 64,
  /** Checks of one condition with its macros written out, and how deep they nest then. */
  checksMax: 8_192,
  depthMax: 256,
  /** Items of one list with the lists in it, and values of all checks together. */
  itemsMax: 16_384,
  valuesInAllMax: 262_144,
} as const
