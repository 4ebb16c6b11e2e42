// SPDX-License-Identifier: Apache-2.0

import type { RequestContext } from '../context.ts'
import type { Findings } from './values.ts'

export function decodeHeaders(headers: RequestContext['headers'], findings: Findings): void {
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    findings.add('REQUEST_HEADERS', lower, value)
    if (lower === 'cookie') decodeCookies(value, findings)
  }
}

/** RFC 6265, 4.2: pairs with `; ` between them, nothing encoded. */
function decodeCookies(text: string, findings: Findings): void {
  for (let from = 0; from < text.length; ) {
    const end = findings.isFull() ? -1 : text.indexOf(';', from)
    const to = end < 0 ? text.length : end
    if (to > from) decodeCookie(text.slice(from, to), findings)
    from = to + 1
  }
}

function decodeCookie(pair: string, findings: Findings): void {
  const equals = pair.indexOf('=')
  const name = (equals < 0 ? pair : pair.slice(0, equals)).trim()
  if (name === '' && equals < 0) return
  findings.add('REQUEST_COOKIES_NAMES', name, name)
  findings.add('REQUEST_COOKIES', name, equals < 0 ? '' : pair.slice(equals + 1).trim())
}

/** Of a header that should stand there once; the first where it stands more often. */
export function headerNamed(headers: RequestContext['headers'], lowerName: string): string | undefined {
  return headers.find(([name]) => name.length === lowerName.length && name.toLowerCase() === lowerName)?.[1]
}
