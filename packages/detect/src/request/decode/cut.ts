// SPDX-License-Identifier: Apache-2.0

import type { RequestContext } from '../context.ts'
import type { DecodeLimits } from '../limits.ts'

/** The request as it is looked at, and what of it is longer than that. */
export type Cut = { readonly context: RequestContext; readonly cut: readonly string[] }

/**
 * Of a path, a query and headers that are too long the beginning and the end: no rule and no decoder meets more. Between the two a sign is
 * put that parts them where the text is parted anyway. The body has its own limits.
 */
export function cutLong(context: RequestContext, limits: DecodeLimits): Cut {
  const { path, query, headers } = context
  const targetMax = limits.targetHeadChars + limits.targetTailChars
  const cut: string[] = []
  if (path.length > targetMax) cut.push('REQUEST_FILENAME')
  if (query.length > targetMax) cut.push('ARGS_GET')
  if (!areFew(headers, limits)) cut.push('REQUEST_HEADERS')
  if (cut.length === 0) return { context, cut }
  return {
    context: {
      ...context,
      path: ends(path, '/', limits.targetHeadChars, limits.targetTailChars),
      query: ends(query, '&', limits.targetHeadChars, limits.targetTailChars),
      headers: cut.includes('REQUEST_HEADERS') ? cutHeaders(headers, limits) : headers,
    },
    cut,
  }
}

function ends(text: string, between: string, headChars: number, tailChars: number): string {
  if (text.length <= headChars + tailChars) return text
  return text.slice(0, headChars) + between + text.slice(-tailChars)
}

type Headers = RequestContext['headers']

const charsOf = ([name, value]: Headers[number]) => name.length + value.length

function areFew(headers: Headers, limits: DecodeLimits): boolean {
  let chars = 0
  for (const header of headers) chars += charsOf(header)
  return headers.length <= limits.headersMax && chars <= limits.headersHeadChars + limits.headersTailChars
}

/**
 * Each by itself first, so that one that is long keeps no other from being looked at; then of all of them the first and the last. Cookies go
 * before all others, for they are parameters.
 */
function cutHeaders(headers: Headers, limits: DecodeLimits): Headers {
  const { headerHeadChars, headerTailChars, headersHeadChars, headersTailChars, headersMax } = limits
  const short = headers
    .toSorted((one, other) => Number(isCookie(other)) - Number(isCookie(one)))
    .map(
      ([name, value]) => [name.slice(0, headerTailChars), ends(value, ';', headerHeadChars, headerTailChars)] as const,
    )
  const first = countWithin(short, headersHeadChars, headersMax / 2)
  const last = countWithin(short.slice(first).reverse(), headersTailChars, headersMax / 2)
  return [...short.slice(0, first), ...short.slice(short.length - last)]
}

const isCookie = ([name]: Headers[number]) => name.length === 6 && name.toLowerCase() === 'cookie'

function countWithin(headers: Headers, charsMax: number, most: number): number {
  let chars = 0
  const beyond = headers.findIndex((header, at) => {
    chars += charsOf(header)
    return at >= most || chars > charsMax
  })
  return beyond < 0 ? headers.length : beyond
}
