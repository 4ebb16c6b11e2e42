// SPDX-License-Identifier: Apache-2.0

const isMarkup = Symbol('markup')
/** HTML or SVG, in which everything from outside is text. Only `markup` makes it. */
export type Markup = { readonly text: string; readonly [isMarkup]: true }
type Part = string | number | Markup | readonly Markup[]

/** What stands in the template is taken as it is; what is put into it is escaped, unless it was made here. */
export function markup(template: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  const text = template.map((piece, i) => piece + (i < parts.length ? textOf(parts[i] as Part) : '')).join('')
  return { text, [isMarkup]: true }
}

export const nothing = markup``

function textOf(part: Part): string {
  if (typeof part !== 'object') return escaped(String(part))
  return isMarkup in part ? part.text : part.map(({ text }) => text).join('\n')
}

/** Of what cannot be seen line breaks alone are kept. */
const escaped = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cf}]/gu, (one) => (one === '\n' ? one : ' '))
    .replace(/[&<>"']/g, (one) => `&#${one.codePointAt(0)};`)
