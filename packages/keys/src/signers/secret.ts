// SPDX-License-Identifier: Apache-2.0

/** A value that no log, message or dump of an object shows: it must be asked for. */
export type Secret = { reveal(): string; toJSON(): string }

export const secretOf = (value: string): Secret => ({ reveal: () => value, toJSON: () => '[secret]' })
