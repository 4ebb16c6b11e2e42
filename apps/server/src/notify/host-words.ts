// SPDX-License-Identifier: Apache-2.0
// Of what a host says: a member may be anything, and a text may hold what ends a line.

import type { JsonObject } from '@sealwatch/base'

const textMax = 255

export const membersOf = (value: unknown): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}

/** One line of 255 characters at most. */
export const textOf = (value: unknown): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  typeof value === 'string' ? value.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ').slice(0, textMax) : ''
