// SPDX-License-Identifier: Apache-2.0

import type { Findings } from './values.ts'

/** What stands between two signs: where it ends, and whether that sign was there. */
const until = (text: string, sign: string, from: number) => {
  const at = text.indexOf(sign, from)
  return { end: at < 0 ? text.length : at, next: at < 0 ? text.length : at + sign.length, isClosed: at >= 0 }
}

/**
 * Text and attributes of XML, `/*` and `//@*` by name, in the order in which they stand. No entity but the five that XML
 * itself has is expanded, and nothing is fetched: a document type is told of, and what it says is text.
 */
export function decodeXml(text: string, findings: Findings, isCut: boolean): void {
  let depth = 0
  let isSound = true
  // Of one element, up to its next: what stands on both sides of a comment, an instruction or a section of CDATA is one text to whoever reads it.
  let pieces: string[] = []
  const join = () => {
    if (pieces.length > 1) addText(pieces.join(''), findings)
    pieces = []
  }
  for (let at = 0; at < text.length; ) {
    if (findings.isFull()) {
      findings.signal('too-many-values', 'XML')
      findings.add('XML', '/*', text.slice(at))
      return
    }
    if (text[at] !== '<') {
      const { end } = until(text, '<', at)
      const piece = expanded(text.slice(at, end))
      addText(piece, findings)
      pieces.push(piece)
      at = end
      continue
    }
    const markup = markupAt(text, at, findings)
    if (markup.text === undefined) join()
    else pieces.push(markup.text)
    depth += markup.depth
    isSound &&= markup.isClosed && depth >= 0
    at = markup.next
    if (depth > findings.limits.depthMax) findings.signal('too-deep', 'XML')
  }
  join()
  if ((!isSound || depth !== 0) && !isCut) findings.signal('malformed-xml', 'REQUEST_BODY')
}

/** `text`: what it is of the text that it stands in; undefined: that ends there. */
type Markup = { readonly next: number; readonly isClosed: boolean; readonly depth: number; readonly text?: string }

function markupAt(text: string, at: number, findings: Findings): Markup {
  const sign = text.charCodeAt(at + 1)
  const special =
    sign === exclamation || sign === question ? specials.find(({ begin }) => text.startsWith(begin, at)) : undefined
  if (special !== undefined) {
    const from = at + special.begin.length
    const { end, next, isClosed } = until(text, special.close, from)
    const content = text.slice(from, end)
    if (special.isText) findings.add('XML', '/*', content)
    return { next, isClosed, depth: 0, text: special.isOfElement ? content : '' }
  }
  const end = tagEnd(text, at + 1)
  const isClosed = end < text.length
  const tag = text.slice(at + 1, end)
  if (tag.startsWith('!')) {
    findings.signal('dtd', 'XML')
    findings.add('XML', '/*', tag)
    return { next: end + 1, isClosed, depth: 0 }
  }
  if (tag.includes('='))
    for (const [, double, single] of tag.matchAll(/=\s*(?:"([^"]*)"|'([^']*)')/g))
      findings.add('XML', '//@*', expanded(double ?? single ?? ''))
  return { next: end + 1, isClosed, depth: tag.startsWith('/') ? -1 : tag.endsWith('/') ? 0 : 1 }
}

const [exclamation, question] = [0x21, 0x3f] as const
const specials = [
  { begin: '<!--', close: '-->', isText: true, isOfElement: false },
  { begin: '<![CDATA[', close: ']]>', isText: true, isOfElement: true },
  { begin: '<?', close: '?>', isText: false, isOfElement: false },
]

/** The > that is not within quotes; of a document type, none within its brackets either. */
function tagEnd(text: string, from: number): number {
  const isDeclaration = text[from] === '!'
  let quote = ''
  let brackets = 0
  for (let at = from; at < text.length; at += 1) {
    const char = text[at] as string
    if (quote !== '') {
      if (char === quote) quote = ''
    } else if (char === '"' || char === "'") quote = char
    else if (isDeclaration && char === '[') brackets += 1
    else if (isDeclaration && char === ']') brackets -= 1
    else if (char === '>' && brackets <= 0) return at
  }
  return text.length
}

function addText(text: string, findings: Findings): void {
  const content = text.trim()
  if (content !== '') findings.add('XML', '/*', content)
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function expanded(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(
    /&(?:(lt|gt|amp|quot|apos)|#([0-9]{1,7})|#x([0-9a-f]{1,6}));/gi,
    (whole, name?: string, decimal?: string, hex?: string) => {
      if (name !== undefined) return entities[name.toLowerCase()] as string
      const code = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal)
      return code > 0x10ffff ? whole : Buffer.from(String.fromCodePoint(code), 'utf8').toString('latin1')
    },
  )
}
