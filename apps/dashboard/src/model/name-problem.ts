// SPDX-License-Identifier: Apache-2.0

import { type NameForm, nameMeant } from '@sealwatch/contract/name-form'

/** What keeps a text from being such a name, and what could be one; undefined: nothing, or there is no text yet. */
export function nameProblem(name: NameForm, text: string): string | undefined {
  if (text === '' || name.form.test(text)) return undefined
  const stranger = [...text].find((unit) => !name.form.test(`a${unit}a`))
  const what =
    stranger !== undefined
      ? `${called(stranger)} cannot stand in it`
      : text.length > name.max
        ? `It has at most ${name.max} characters`
        : `It is ${name.words}`
  const meant = nameMeant(name, text)
  return meant === undefined ? `${what}.` : `${what}: ${meant} would do.`
}

function called(stranger: string): string {
  if (/\s/.test(stranger)) return 'A space'
  return /\p{Lu}/u.test(stranger) ? `The capital ${stranger}` : `The character ${stranger}`
}
