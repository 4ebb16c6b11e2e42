// SPDX-License-Identifier: Apache-2.0
// The page is built from elements and text nodes alone: what stands in evidence can never become markup.

type Child = Node | string | undefined | false
type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

function fill<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : String(value))
  element.append(...children.filter((child) => child !== undefined && child !== false))
  return element
}

export const h = <K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] => fill(document.createElement(tag), attributes, children)

export const s = <K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] => fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children)

export function byId<E extends HTMLElement>(id: string, type: new () => E): E {
  const element = document.getElementById(id)
  if (!(element instanceof type)) throw new Error(`the page has no ${id}`)
  return element
}

/** A drawn sign; names are those of the symbols in page.html. */
export const icon = (name: string, size = 20): SVGSVGElement =>
  s('svg', { class: 'icon', width: size, height: size, 'aria-hidden': true }, s('use', { href: `#${name}` }))

/** The name in a verifier key. */
export const nameOf = (vkey: string): string => vkey.slice(0, vkey.indexOf('+'))

/** The ends of a hash, enough to tell it from its neighbours. */
export const shortHash = (hash: string): string => `${hash.slice(0, 8)}…${hash.slice(-4)}`

export const numberWords = (n: number): string => n.toLocaleString('en-GB')

export function spanWords({ from, to }: { readonly from: number; readonly to: number }): string {
  return to - from === 1 ? numberWords(from) : `${numberWords(from)}–${numberWords(to - 1)}`
}

export function bytesWords(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[power - 1]}`
}

/** Copies text, and says so where screen readers and eyes look. */
export async function copy(text: string, what: string): Promise<void> {
  const isCopied = await navigator.clipboard.writeText(text).then(
    () => true,
    () => false,
  )
  say(isCopied ? `Copied ${what}` : `This browser lets no page copy: select the text instead`)
}

export function say(message: string): void {
  const toast = byId('toast', HTMLElement)
  toast.textContent = message
  toast.classList.remove('shown')
  // Reading a measure makes the browser notice the removal, so that the animation begins anew.
  void toast.offsetWidth
  toast.classList.add('shown')
}

export const copyButton = (text: string, what: string): HTMLButtonElement => {
  const button = h(
    'button',
    { type: 'button', class: 'copy', title: `Copy ${what}`, 'aria-label': `Copy ${what}` },
    icon('copy', 15),
  )
  button.addEventListener('click', () => void copy(text, what))
  return button
}

/** A hash in full, broken in its middle where it must break; copied, it is one word. */
export const hashText = (hash: string): HTMLElement =>
  h('code', { class: 'hash' }, hash.slice(0, hash.length / 2), h('wbr'), hash.slice(hash.length / 2))
