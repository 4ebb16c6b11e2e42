// SPDX-License-Identifier: Apache-2.0
// Names that stand in addresses and commands: lower-case letters, digits and hyphens.

const form = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/

/** The nearest that can be one; empty: nothing of it can stay. */
const nearest = (text: string, max: number): string =>
  text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{Mark}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, max)
    .replace(/^-+|-+$/g, '')

/** What keeps a text from being one, and what could; undefined: nothing, or there is none yet. */
export function slugProblem(text: string, max: number): string | undefined {
  if (text === '' || (form.test(text) && text.length <= max)) return undefined
  const [stranger] = text.match(/[^a-z0-9-]/u) ?? []
  const what =
    stranger !== undefined
      ? `${called(stranger)} cannot stand in it`
      : text.length > max
        ? `It has at most ${max} characters`
        : 'It begins and ends with a letter or a digit'
  const instead = nearest(text, max)
  return instead === '' ? `${what}.` : `${what}: ${instead} would do.`
}

function called(stranger: string): string {
  if (/\s/.test(stranger)) return 'A space'
  return /\p{Lu}/u.test(stranger) ? `The capital ${stranger}` : `The character ${stranger}`
}
