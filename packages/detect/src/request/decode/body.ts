// SPDX-License-Identifier: Apache-2.0

import { brotliDecompressSync, constants, gunzipSync, inflateSync } from 'node:zlib'
import type { RequestContext } from '../context.ts'
import { asciiOf, strangeCharset } from './charset.ts'
import { decodeParameters } from './form.ts'
import { decodeGraphql } from './graphql.ts'
import { headerNamed } from './headers.ts'
import { decodeJson } from './json.ts'
import { decodeMultipart } from './multipart.ts'
import { decodeForm } from './percent.ts'
import type { Findings } from './values.ts'
import { narrowed } from './wide.ts'
import { decodeXml } from './xml.ts'

export type Processor = '' | 'URLENCODED' | 'JSON' | 'XML' | 'MULTIPART'
export type DecodedBody = { readonly processor: Processor; readonly rawBody: string; readonly fileBytes: number }

/** Parts the body by what its type says, or where that says nothing by how it begins. */
export function decodeBody(context: RequestContext, findings: Findings): DecodedBody {
  const { headBytesMax, tailBytesMax } = findings.limits
  if (context.body.length === 0) return { processor: '', rawBody: '', fileBytes: 0 }
  const type = headerNamed(context.headers, 'content-type') ?? ''
  const told = types.find(([form]) => form.test(type))?.[1]
  const bytes = inUtf8(inflated(context, findings), told, findings)
  const isCut = bytes.length > headBytesMax
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(type)?.[1] ?? ''
  const isStrange = strangeCharset.test(charset)
  if (isStrange) findings.signal('strange-charset', 'REQUEST_HEADERS:content-type')
  const written = bytes.toString('latin1', 0, headBytesMax)
  const head = isStrange ? asciiOf(written, charset) : written
  const processor = told ?? guessed(head)
  const fileBytes = decodeAs(processor, head, type, findings, isCut)
  if (told === undefined && processor !== '') findings.add('REQUEST_BODY', '', head)
  if (isCut) {
    findings.signal('oversize', 'REQUEST_BODY')
    const tail = bytes.toString('latin1', Math.max(headBytesMax, bytes.length - tailBytesMax))
    findings.add('REQUEST_BODY', 'tail', processor === 'URLENCODED' ? decodeForm(tail) : tail)
  }
  return { processor, rawBody: processor === '' || processor === 'URLENCODED' ? head : '', fileBytes }
}

/** JSON and XML in UTF-16 or UTF-32 as their parsers read them. In both a zero byte is never anything else, in forms it may be. */
function inUtf8(bytes: Buffer, told: Processor | undefined, findings: Findings): Buffer {
  const narrow = narrowed(bytes, findings.limits.inflatedBytesMax)
  if (narrow === undefined || !/^(?:JSON|XML)$/.test(told ?? guessed(narrow.toString('latin1', 0, 256)))) return bytes
  findings.signal('strange-charset', 'REQUEST_BODY')
  return narrow
}

function decodeAs(processor: Processor, head: string, type: string, findings: Findings, isCut: boolean): number {
  const before = findings.values.length
  if (processor === 'URLENCODED') decodeParameters(head, 'ARGS_POST', findings)
  else if (processor === 'JSON') decodeJson(head, findings, isCut)
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
  if (/^\s*[[{]\s*["{[\]}]/.test(head)) return 'JSON'
  if (/^\s*<(?:\?xml|!DOCTYPE|[A-Za-z][\w:.-]*[\s/>])/.test(head)) return 'XML'
  return /^[\w.[\]%+-]{1,64}=/.test(head) && !/[\0\n]/.test(head.slice(0, 256)) ? 'URLENCODED' : ''
}

type Inflate = (bytes: Uint8Array, maxOutputLength: number) => Buffer
/** Of a body of which the beginning alone was handed over, what that holds. */
const gunzip: Inflate = (bytes, maxOutputLength) =>
  gunzipSync(bytes, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH })
const inflaters: Readonly<Record<string, Inflate>> = {
  gzip: gunzip,
  'x-gzip': gunzip,
  deflate: (bytes, maxOutputLength) => inflateSync(bytes, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH }),
  br: (bytes, maxOutputLength) =>
    brotliDecompressSync(bytes, { maxOutputLength, finishFlush: constants.BROTLI_OPERATION_FLUSH }),
}

/** The body as it was before it was compressed; as it came where that cannot be told within the limits. */
function inflated({ body, headers }: RequestContext, findings: Findings): Buffer {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const coding = headerNamed(headers, 'content-encoding')?.trim().toLowerCase() ?? ''
  if (coding === '' || coding === 'identity') return bytes
  const inflate = Object.hasOwn(inflaters, coding) ? inflaters[coding] : undefined
  if (inflate === undefined || bytes.length > findings.limits.inflateInputBytesMax) {
    findings.signal('compressed', 'REQUEST_BODY')
    return bytes
  }
  try {
    return inflate(bytes, findings.limits.inflatedBytesMax)
  } catch (error) {
    findings.signal(
      (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? 'bomb' : 'compressed',
      'REQUEST_BODY',
    )
    return bytes
  }
}
