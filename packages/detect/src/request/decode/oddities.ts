// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from 'node:buffer'
import type { RequestContext } from '../context.ts'
import type { Findings, Value } from './values.ts'

/** Bodies end where a header says: where two say it, or one in a way that servers read differently, one of them is fooled. */
export function findSmuggling({ headers, version }: RequestContext, findings: Findings): void {
  const lengths: string[] = []
  const codings: string[] = []
  for (const [whole, value] of headers) {
    const name = whole.slice(0, findings.limits.headerTailChars)
    const isOdd = name === '' || oddInName.test(name)
    if (isOdd) findings.signal('smuggling-shape', 'REQUEST_HEADERS_NAMES')
    const lower = (isOdd ? name.replace(/[^!-~]+/g, '') : name).toLowerCase()
    if (lower === 'content-length') lengths.push(value)
    if (lower === 'transfer-encoding') codings.push(value)
  }
  if (lengths.length + codings.length > 1) findings.signal('smuggling-shape', 'REQUEST_HEADERS:content-length')
  if (lengths.some((text) => !/^[0-9]{1,15}$/.test(text)))
    findings.signal('smuggling-shape', 'REQUEST_HEADERS:content-length')
  const isPlain =
    codings.every((text) => /^(?:(?:gzip|deflate|compress), ?)?chunked$/i.test(text)) &&
    (codings.length === 0 || version === '1.1')
  if (!isPlain) findings.signal('smuggling-shape', 'REQUEST_HEADERS:transfer-encoding')
}

/** What no token has (RFC 9110, 5.6.2). */
const oddInName = /[^!-~]|[()<>@,;:\\"/[\]?={}]/

export function findOddHeader(name: string, value: string, findings: Findings): void {
  if (!oddInHeader.test(value)) return
  const where = `REQUEST_HEADERS:${name.toLowerCase()}`
  if (/[\r\n]/.test(value)) findings.signal('smuggling-shape', where)
  if (control.test(value)) findings.signal('control-byte', where)
}

/** Tabs may stand in a header; line ends have a signal of their own. */
const control = /[^\t\r\n\x20-\x7e\x80-\xff]/
const oddInHeader = /[^\t\x20-\x7e\x80-\xff]/

/** UTF-8 that encodes ASCII in more bytes than one, which decoders that are not strict read as ASCII. */
const overlong = /[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}/

/** What is odd about the bytes of a value, whatever it says. */
export function findOddBytes({ source, name, text }: Value, findings: Findings): void {
  const where = () => (name === '' ? source : `${source}:${name}`)
  if (text.includes('\0')) findings.signal('null-byte', where())
  if (text.length >= findings.limits.runCharsMax && hasRun(text, findings.limits.runCharsMax))
    findings.signal('padded', where())
  if (text.includes('%u') && /%u[0-9a-f]{4}/i.test(text)) findings.signal('percent-u', where())
  if (!/[\x80-\xff]/.test(text)) return
  if (overlong.test(text)) findings.signal('overlong', where())
  else if (!isUtf8(Buffer.from(text, 'latin1'))) findings.signal('invalid-utf8', where())
}

/** A run this long has one of the signs that are looked at here, so its neighbours are all that is left to be looked at. */
function hasRun(text: string, least: number): boolean {
  for (let at = least - 1; at < text.length; at += least) {
    const unit = text.charCodeAt(at)
    let [from, to] = [at, at + 1]
    while (at - from < least && text.charCodeAt(from - 1) === unit) from -= 1
    while (to - from < least && text.charCodeAt(to) === unit) to += 1
    if (to - from >= least) return true
  }
  return false
}
