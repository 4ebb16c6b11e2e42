// SPDX-License-Identifier: Apache-2.0

import unhomoglyph from 'unhomoglyph'
import { tenantError } from './errors.ts'

export const titleCharsMax = 100
/** Nothing that is not seen, that turns the direction of the text, or that makes another line of it. */
const unseen = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|[^\S ]/u

/** The title as it is kept: NFC, one space between words. Throws TENANT_TITLE_INVALID. */
export function checkTitle(text: string, attempted: string): string {
  const title = text.normalize('NFC').trim().replace(/ +/g, ' ')
  const chars = [...title].length
  if (chars >= 1 && chars <= titleCharsMax && title.isWellFormed() && !unseen.test(title)) return title
  throw tenantError('TENANT_TITLE_INVALID', { attempted, received: escaped(text) })
}

/** What cannot be seen would not be seen in the message either. */
const escaped = (text: string) =>
  text.slice(0, titleCharsMax).replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (char) => {
    return `U+${(char.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}`
  })

const lookalikes = new Map<string, string>()
const lookalikesMax = 4096

/** Of no one script, as accents are: what is a vowel in its script stays. */
const accents = /[\p{Mn}&&\p{Script=Inherited}]/gv

/** The skeleton of UTS #39, 4: texts that look alike have the same. Case, spaces and accents tell nobody apart. */
export function skeletonOf(text: string): string {
  return drawn(drawn(text).toLowerCase()).replace(accents, '').replaceAll(' ', '')
}

function drawn(text: string): string {
  let shown = ''
  for (const char of text.normalize('NFD')) {
    let known = lookalikes.get(char)
    if (known === undefined) {
      if (lookalikes.size >= lookalikesMax) lookalikes.clear()
      known = unhomoglyph(char)
      lookalikes.set(char, known)
    }
    shown += known
  }
  return shown.normalize('NFD')
}
