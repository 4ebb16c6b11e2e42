// SPDX-License-Identifier: Apache-2.0

/**
 * The 256 bytes in 32 groups, one bit each: which groups a text has is known after one pass, and says of most
 * transformations and rules that they have nothing to do with it.
 */
const members = [
  'A-Z',
  'a-z_',
  '0-9',
  '\\0',
  '\\x01-\\x08\\x0e-\\x1f\\x7f',
  '\\t-\\r',
  ' ',
  '\\x80-\\xff',
  '%',
  '+',
  '&',
  '\\\\',
  '/',
  '.',
  '"',
  "'",
  '<',
  '>',
  '=',
  '(',
  ')',
  ';',
  ':',
  '-',
  '{}',
  '`',
  '$',
  '*',
  '#',
  '|@^~!?',
  '\\[\\]',
  ',',
]
const forms = members.map((text) => new RegExp(`[${text === '-' || text === '^' ? `\\${text}` : text}]`))

/** By byte. */
export const groupOf: Int32Array = Int32Array.from({ length: 256 }, (_, byte) =>
  forms.reduce((bits, form, index) => (form.test(String.fromCharCode(byte)) ? bits | (1 << index) : bits), 0),
)

export const groupsOf = (chars: string): number =>
  [...chars].reduce((bits, char) => bits | (groupOf[char.charCodeAt(0)] as number), 0)
export const groupsOfAll = -1
export const groupsOfBytes = (set: Uint8Array): number =>
  set.reduce((bits, has, byte) => (has === 1 ? bits | (groupOf[byte] as number) : bits), 0)
