// SPDX-License-Identifier: Apache-2.0

import { decodeLimits } from '../limits.ts'
import { asciiOf, strangeCharset } from './charset.ts'
import { decodeEscaped, decodeForm, percentAt } from './percent.ts'
import { createFindings, type Findings } from './values.ts'

/** Of a part's content, what is looked at when it is a file. */
const fileHeadChars = 4_096
const headersMax = 32

/**
 * multipart/form-data (RFC 7578): fields are parameters, of files the names are told and the beginning is looked at. What
 * two parsers may read differently is a signal. Returns how many bytes the files have.
 */
export function decodeMultipart(text: string, contentType: string, findings: Findings, isCut: boolean): number {
  const boundary = boundaryOf(contentType)
  if (boundary === undefined) {
    findings.signal('malformed-multipart', 'REQUEST_BODY')
    findings.add('REQUEST_BODY', '', text)
    return 0
  }
  const delimiter = `--${boundary}`
  const first = text.startsWith(delimiter) ? 0 : text.indexOf(`\n${delimiter}`) + 1
  if (first === 0 && !text.startsWith(delimiter)) {
    findings.signal('malformed-multipart', 'REQUEST_BODY')
    findings.add('REQUEST_BODY', '', text)
    return 0
  }
  if (first > 0) findings.add('REQUEST_BODY', 'preamble', text.slice(0, first))
  let fileBytes = 0
  let at = first
  for (;;) {
    const from = at + delimiter.length
    if (text.startsWith('--', from)) {
      const epilogue = text.slice(from + 2).trim()
      if (epilogue !== '') findings.add('REQUEST_BODY', 'epilogue', epilogue)
      return fileBytes
    }
    const line = text.indexOf('\n', from)
    const end = text.indexOf(`\n${delimiter}`, line < 0 ? text.length : line)
    if (line < 0 || text.slice(from, line).trim() !== '' || (end < 0 && !isCut))
      findings.signal('malformed-multipart', 'REQUEST_BODY')
    if (findings.isFull()) {
      findings.signal('too-many-values', 'ARGS_POST')
      findings.add('ARGS_POST', '', text.slice(from))
      return fileBytes
    }
    if (line < 0) return fileBytes
    fileBytes += decodePart(text.slice(line + 1, end < 0 ? text.length : end), findings)
    if (end < 0) return fileBytes
    at = end + 1
  }
}

/** Undefined where there is none, or more than one, of which each parser takes another. */
export function boundaryOf(contentType: string): string | undefined {
  const found = [...contentType.matchAll(/;\s*boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))/gi)]
  return found.length === 1 ? (found[0]?.[1] ?? found[0]?.[2]) : undefined
}

/** `mayBeField`: some take it for a field, for its file has no name, or one that they do not read (`filename*`). */
type Part = {
  name: string | undefined
  filename: string | undefined
  mayBeField: boolean
  encoding: string
  charset: string
}

const newPart = (): Part => ({ name: undefined, filename: undefined, mayBeField: true, encoding: '', charset: '' })

/** Whether everybody takes a part with these headers for a file. */
export function isFile(headers: string): boolean {
  const part = newPart()
  const unheard = createFindings(decodeLimits)
  for (const line of headers.split(/\r?\n/, headersMax)) readPartHeader(line, part, unheard)
  return !part.mayBeField
}

function decodePart(text: string, findings: Findings): number {
  const blank = /(?:^|\r?\n)\r?\n/.exec(text)
  if (blank === null) findings.signal('malformed-multipart', 'REQUEST_BODY')
  const headers = blank === null ? text : text.slice(0, blank.index)
  const raw = blank === null ? '' : text.slice(blank.index + blank[0].length)
  const content = raw.endsWith('\r') ? raw.slice(0, -1) : raw
  const part = newPart()
  const lines = headers.split(/\r?\n/)
  if (lines.length > headersMax || lines.some((line) => /^[ \t]/.test(line)))
    findings.signal('malformed-multipart', 'REQUEST_BODY')
  for (const line of lines.slice(0, headersMax)) if (line !== '') readPartHeader(line, part, findings)
  const name = part.name ?? ''
  if (part.name === undefined) findings.signal('malformed-multipart', 'REQUEST_BODY')
  for (const line of lines.slice(0, headersMax)) if (line !== '') findings.add('MULTIPART_PART_HEADERS', name, line)
  const value = decoded(content, part, findings)
  if (part.mayBeField) {
    findings.add('ARGS_POST_NAMES', name, name)
    // RFC 7578, 4.7: nobody should write such an encoding, and hardly anybody reads it.
    if (part.encoding !== '' && value !== content) findings.add('ARGS_POST', name, content)
    findings.add('ARGS_POST', name, value)
  }
  if (part.filename === undefined) return 0
  findings.add('FILES_NAMES', name, name)
  findings.add('FILES', name, part.filename)
  findings.add('REQUEST_BODY', `file:${name}`, value.slice(0, fileHeadChars))
  return value.length
}

function readPartHeader(line: string, part: Part, findings: Findings): void {
  const [, header = '', value = ''] = /^([^:]*):([\s\S]*)$/.exec(line) ?? []
  const lower = header.trim().toLowerCase()
  if (lower === '' || header !== header.trim()) findings.signal('malformed-multipart', 'MULTIPART_PART_HEADERS')
  if (lower === 'content-transfer-encoding') part.encoding = value.trim().toLowerCase()
  if (lower === 'content-type') part.charset = /charset\s*=\s*"?([^\s;"]+)/i.exec(value)?.[1]?.toLowerCase() ?? ''
  if (lower !== 'content-disposition') return
  if (part.name !== undefined || part.filename !== undefined)
    findings.signal('malformed-multipart', 'MULTIPART_PART_HEADERS')
  const parameters = [...value.matchAll(/;\s*([A-Za-z*]+)\s*=\s*(?:"((?:[^"\\]|\\[\s\S])*)"?|([^\s;]*))/g)]
  const named = (wanted: string) => parameters.filter(([, name]) => (name as string).toLowerCase() === wanted)
  const text = ([, , quoted, bare]: readonly (string | undefined)[]) =>
    quoted === undefined ? (bare ?? '') : quoted.replace(/\\(["\\])/g, '$1')
  const [names, files, extended] = [named('name'), named('filename'), named('filename*')]
  if (names.length > 1 || files.length + extended.length > 1)
    findings.signal('malformed-multipart', 'MULTIPART_PART_HEADERS')
  if (names[0]) part.name = text(names[0])
  if (files[0]) part.filename = text(files[0])
  part.mayBeField = (part.filename ?? '') === ''
  // RFC 5987: charset'language'value; a parser that knows it takes this one.
  if (extended[0]) part.filename = decodeForm(text(extended[0]).replace(/^[^']*'[^']*'/, ''))
  for (const extra of [...files.slice(1), ...extended.slice(1)]) findings.add('FILES', part.name ?? '', text(extra))
}

function decoded(content: string, part: Part, findings: Findings): string {
  const text = transferDecoded(content, part)
  if (!strangeCharset.test(part.charset)) return text
  findings.signal('strange-charset', 'MULTIPART_PART_HEADERS')
  return asciiOf(text, part.charset)
}

function transferDecoded(content: string, { encoding }: Part): string {
  if (encoding === 'base64') return Buffer.from(content, 'base64').toString('latin1')
  if (encoding === 'quoted-printable') return decodeEscaped(content.replace(/=\r?\n/g, ''), '=', percentAt)
  return content
}
