// SPDX-License-Identifier: Apache-2.0

import type { RequestContext } from '../context.ts'
import { asciiOf, strangeCharset } from './charset.ts'
import { decodeParameters } from './form.ts'
import { decodeGraphql } from './graphql.ts'
import { headerNamed } from './headers.ts'
import { inflated } from './inflate.ts'
import { decodeJson, decodeStrings } from './json.ts'
import { withoutLongFiles } from './long-files.ts'
import { boundaryOf, decodeMultipart } from './multipart.ts'
import { decodeForm } from './percent.ts'
import { addPlaces } from './search.ts'
import type { Findings } from './values.ts'
import { narrowed } from './wide.ts'
import { decodeXml } from './xml.ts'

export type Processor = '' | 'URLENCODED' | 'JSON' | 'XML' | 'MULTIPART'
export type DecodedBody = { readonly processor: Processor; readonly rawBody: string; readonly fileBytes: number }

/** Parts the body by what its type says, or where that says nothing by how it begins. */
export function decodeBody(context: RequestContext, findings: Findings): DecodedBody {
  const { headBytesMax, headerHeadChars } = findings.limits
  if (context.body.length === 0) return { processor: '', rawBody: '', fileBytes: 0 }
  const type = (headerNamed(context.headers, 'content-type') ?? '').slice(0, headerHeadChars)
  const told = types.find(([form]) => form.test(type))?.[1]
  const sent = inflated(context, told !== undefined, findings)
  const whole = inUtf8(sent.bytes, told, findings)
  const isLongForm = told === 'MULTIPART' && whole.length > headBytesMax
  const { bytes, leftOut } = isLongForm ? withoutLongFiles(whole, boundaryOf(type) ?? '') : { bytes: whole, leftOut: 0 }
  const isCut = bytes.length > headBytesMax
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(type)?.[1] ?? ''
  const isStrange = strangeCharset.test(charset)
  if (isStrange) findings.signal('strange-charset', 'REQUEST_HEADERS:content-type')
  const written = bytes.toString('latin1', 0, headBytesMax)
  const head = isStrange ? asciiOf(written, charset) : written
  const processor = told ?? guessed(head)
  if (processor !== '' && (context.isBodyCut || announced(context) > context.body.length)) {
    findings.signal('oversize', 'REQUEST_BODY')
    findings.passOver()
  }
  const fileBytes = leftOut + decodeAs(processor, head, type, findings, isCut || findings.isPassedOver())
  if (told === undefined && processor !== '') findings.add('REQUEST_BODY', '', head)
  // As whoever reads it that does not know the charset.
  if (head !== written && !written.includes('\0')) addPlaces(bytes.subarray(0, headBytesMax), processor, findings)
  if (isCut) decodeRest(bytes, processor, type, findings)
  if (sent.asTheyCame !== '') decodeAsItCame(Buffer.from(sent.asTheyCame, 'latin1'), processor, type, findings)
  return { processor, rawBody: processor === '' || processor === 'URLENCODED' ? head : '', fileBytes }
}

/** Of how many bytes the client says it has: who judges may have been handed the beginning alone. */
function announced({ headers }: RequestContext): number {
  const length = headerNamed(headers, 'content-length') ?? ''
  return /^[0-9]{1,15}$/.test(length) ? Number(length) : 0
}

/** Of what is behind the beginning: the end, parted from where it can be, and between the two what is found by searching. */
function decodeRest(bytes: Buffer, processor: Processor, type: string, findings: Findings): void {
  const { headBytesMax, tailBytesMax, searchedBytesMax } = findings.limits
  const end = Math.max(headBytesMax, bytes.length - tailBytesMax)
  const from = Math.min(end, headBytesMax + searchedBytesMax)
  const to = Math.max(from, end - searchedBytesMax)
  findings.signal('oversize', 'REQUEST_BODY')
  addPlaces(bytes.subarray(headBytesMax, from), processor, findings)
  if (to < end) addPlaces(bytes.subarray(to, end), processor, findings)
  decodeTail(bytes.subarray(end), processor, type, findings)
  // What is not parted, such as a film, is ordinary at any length.
  if (to > from && processor !== '') findings.passOver()
}

/** Of a compressed body, what a service reads that does not inflate it. */
function decodeAsItCame(bytes: Buffer, processor: Processor, type: string, findings: Findings): void {
  const { tailBytesMax, searchedBytesMax } = findings.limits
  decodeTail(bytes.subarray(0, tailBytesMax), processor, type, findings)
  addPlaces(bytes.subarray(tailBytesMax, tailBytesMax + searchedBytesMax), processor, findings)
  if (bytes.length <= tailBytesMax + searchedBytesMax) return
  findings.signal('oversize', 'REQUEST_BODY')
  findings.passOver()
}

/** What stands before the first sign that parts one value from the next is the end of one. Rules have no time for all of JSON. */
function decodeTail(bytes: Buffer, processor: Processor, type: string, findings: Findings): void {
  const tail = bytes.toString('latin1')
  if (processor === 'URLENCODED') {
    const cut = tail.indexOf('&')
    findings.add('ARGS_POST', '', decodeForm(cut < 0 ? tail : tail.slice(0, cut)))
    if (cut >= 0) decodeParameters(tail.slice(cut + 1), 'ARGS_POST', findings)
  } else if (processor === 'JSON') {
    decodeStrings(tail, findings)
    addPlaces(bytes, processor, findings)
  } else if (processor === 'XML') decodeXml(tail, findings, true)
  else if (processor === 'MULTIPART' && tail.includes(`\n--${boundaryOf(type)}`))
    decodeMultipart(tail, type, findings, true)
  else findings.add('REQUEST_BODY', 'tail', tail)
}

/** JSON and XML in UTF-16 or UTF-32 as their parsers read them. In both a zero byte is never anything else, in forms it may be. */
function inUtf8(bytes: Buffer, told: Processor | undefined, findings: Findings): Buffer {
  const { inflatedBytesMax } = findings.limits
  const narrow = narrowed(bytes, inflatedBytesMax)
  if (narrow === undefined || !/^(?:JSON|XML)$/.test(told ?? guessed(narrow.toString('latin1', 0, 256)))) return bytes
  findings.signal('strange-charset', 'REQUEST_BODY')
  if (bytes.length > inflatedBytesMax) {
    findings.signal('oversize', 'REQUEST_BODY')
    findings.passOver()
  }
  return narrow
}

function decodeAs(processor: Processor, head: string, type: string, findings: Findings, isCut: boolean): number {
  const before = findings.values.length
  if (processor === 'URLENCODED') {
    decodeParameters(head, 'ARGS_POST', findings)
    // Many services and programs do not look at the type.
    const other = guessed(head)
    if (other === 'JSON') decodeJson(head, findings, true)
    if (other === 'XML') decodeXml(head, findings, true)
  } else if (processor === 'JSON') decodeJson(head, findings, isCut)
  else if (processor === 'XML') decodeXml(head, findings, isCut)
  else if (processor === 'MULTIPART') return decodeMultipart(head, type, findings, isCut)
  else findings.add('REQUEST_BODY', '', head)
  if (processor === 'JSON')
    for (const { name, text } of findings.values.slice(before))
      if (/(?:^|[\].])query$/.test(name) && /[{"]/.test(text)) decodeGraphql(text, name, findings)
  if (/^application\/graphql/i.test(type)) decodeGraphql(head, 'query', findings)
  return 0
}

const types: readonly (readonly [RegExp, Processor])[] = [
  [/^\s*application\/x-www-form-urlencoded/i, 'URLENCODED'],
  [/^\s*multipart\//i, 'MULTIPART'],
  [/^\s*[\w.-]+\/(?:[\w.-]+\+)?json/i, 'JSON'],
  [/^\s*[\w.-]+\/(?:[\w.-]+\+)?xml/i, 'XML'],
]

/** Services are lenient about the type, and whoever attacks them knows it. */
function guessed(head: string): Processor {
  if (/^\s*[[{]\s*(?:["{[\]}]|-?\d[\d.eE+-]{0,20}\s*,)/.test(head)) return 'JSON'
  if (/^\s*<(?:\?xml|!DOCTYPE|[A-Za-z][\w:.-]*[\s/>])/.test(head)) return 'XML'
  return /^[\w.[\]%+-]{1,64}=/.test(head) && !/[\0\n]/.test(head.slice(0, 256)) ? 'URLENCODED' : ''
}
