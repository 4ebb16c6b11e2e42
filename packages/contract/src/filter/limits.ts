// SPDX-License-Identifier: Apache-2.0

/** docs/formats/filter.md, 2. */
export const filterLimits = {
  /** Of its UTF-8. */
  bytesMax: 4_096,
  /** Comparisons. */
  termsMax: 64,
  /** `not` and brackets within each other. */
  depthMax: 16,
  /** Of all lists together. */
  valuesMax: 1_000,
} as const
