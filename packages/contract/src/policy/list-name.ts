// SPDX-License-Identifier: Apache-2.0

/** A value of this form stands for what the list of that name holds. */
export const listOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.startsWith('@') ? value.slice(1) : undefined
