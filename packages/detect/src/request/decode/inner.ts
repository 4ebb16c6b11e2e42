// SPDX-License-Identifier: Apache-2.0

import { decodeHtml, decodeUrlUnicode } from '../seclang/decoders.ts'
import type { SignalKind } from '../signals.ts'
import type { Processor } from './body.ts'
import { unescaped } from './json.ts'
import { parted } from './plain.ts'
import { placesIn } from './search.ts'
import type { Findings, Source, Value } from './values.ts'

/** A way in which text is hidden in text. `undo` returns what it was given when there is nothing to undo. */
type Encoding = { readonly name: string; readonly kind?: SignalKind; readonly undo: (text: string) => string }

const isJsonEscape = /\\u00[0-7]/

const encodings: readonly Encoding[] = [
  {
    name: 'percent',
    kind: 'double-encoded',
    undo: (text) =>
      /%(?:u[0-9a-f]{4}|[0-9a-f]{2})/i.test(text) ? decodeUrlUnicode(text.replaceAll('+', '%2b')) : text,
  },
  { name: 'html', kind: 'hidden-encoding', undo: decodeHtml },
  { name: 'base64', kind: 'hidden-encoding', undo: fromBase64 },
  // JSON within a form or a string, or JSON that was not parted, may have its ASCII escaped, as some write it always.
  { name: 'json', undo: (text) => (isJsonEscape.test(text) ? unescaped(text) : text) },
]

/** No form is shorter than such a part of its text. */
const shortestShare = 1 / 6

/**
 * Text that is encoded within the values of a request: each form of it is one more value, which says how it was found.
 * How deep, how many and how long together is limited; what is too long for what is left is searched, and keeps nothing from those behind it.
 */
export function decodeInner(findings: Findings, processor: Processor): void {
  let charsLeft = findings.limits.formCharsMax
  let triedLeft = 2 * charsLeft
  const unfit = new Map<Source, string[]>()
  for (const value of findings.values.slice()) {
    const { source, text } = value
    if (text.length < 4 || !mayHide(text)) continue
    const isHopeless = triedLeft < 0 || charsLeft < shortestShare * text.length
    if (!isHopeless) triedLeft -= text.length
    const forms = isHopeless ? undefined : formsWithin(value, charsLeft, findings, processor)
    for (const form of forms ?? []) {
      charsLeft -= form.text.length
      findings.values.push(form)
    }
    if (forms !== undefined) continue
    const texts = unfit.get(source)
    if (texts === undefined) unfit.set(source, [text])
    else texts.push(text)
  }
  for (const [source, texts] of unfit)
    for (const place of placesIn(Buffer.from(texts.join(parted), 'latin1'), '', findings))
      findings.add(source, '', place)
}

/** Undefined where they are longer together than `most`. */
function formsWithin(value: Value, most: number, findings: Findings, processor: Processor): Value[] | undefined {
  const { nestingMax, formsMax } = findings.limits
  const found: Value[] = []
  let chars = 0
  for (let depth = 0, forms = [value]; depth < nestingMax && forms.length > 0; depth += 1) {
    forms = forms.flatMap((form) => formsOf(form, findings, processor)).slice(0, formsMax - found.length)
    for (const { text } of forms) chars += text.length
    if (chars > most) return undefined
    found.push(...forms)
  }
  return found
}

/** Most texts have none of these signs. In long ones that is found out faster by what Node.js is made of. */
const mayHide = (text: string): boolean =>
  (text.length >= 16 && base64.test(text)) || ((text.length > 64 || hasSign(text)) && hidden.test(text))

const hidden = /%[\da-f]|%u|&#|&[a-z]{2,4};|\\u00[0-7]/i

function hasSign(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    if (unit === percent || unit === ampersand || unit === backslash) return true
  }
  return false
}

const [percent, ampersand, backslash] = [0x25, 0x26, 0x5c] as const
const base64 = /^(?:data:[\w/+.-]*;base64,)?([\w+/-]{16,}={0,2})$/

function formsOf({ source, name, text, inside }: Value, findings: Findings, processor: Processor): Value[] {
  return encodings.flatMap(({ name: encoding, kind, undo }) => {
    const form = undo(text)
    if (form === text || form === '') return []
    if (kind !== undefined && (encoding !== 'percent' || inside !== undefined || isPercentDecoded(source, processor)))
      findings.signal(kind, name === '' ? source : `${source}:${name}`)
    return [{ source, name, text: form, inside: inside === undefined ? encoding : `${inside} ${encoding}` }]
  })
}

/** Elsewhere it is no second time that something is encoded. */
const isPercentDecoded = (source: Source, processor: Processor) =>
  /^(?:REQUEST_FILENAME|ARGS_GET)/.test(source) || (source.startsWith('ARGS_POST') && processor === 'URLENCODED')

/** Base64 whose content is text, but for one sign in eight: of random letters, hardly any is. */
function fromBase64(text: string): string {
  const body = base64.exec(text)?.[1]
  if (body === undefined || body.length % 4 === 1) return text
  const decoded = Buffer.from(body, 'base64').toString('latin1')
  return 8 * (decoded.match(/[^\t\n\r\x20-\x7e]/g)?.length ?? 0) <= decoded.length ? decoded : text
}
