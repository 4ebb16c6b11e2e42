// SPDX-License-Identifier: Apache-2.0

import { httpError } from './problems.ts'

export const formMedia = 'application/x-www-form-urlencoded'

/** As browsers write it (URL Standard, 5.2): all else is in its escapes. */
const pairForm = /^(?<name>(?:[\w*.+-]|%[0-9A-F]{2})+)=(?<value>(?:[\w*.+-]|%[0-9A-F]{2})*)$/

/**
 * What a form sends, each field once: of two of one name another reader may have taken the other. Throws REQUEST_INVALID
 * or REQUEST_TOO_LARGE.
 */
export function readForm(text: string, fieldsMax: number): Readonly<Record<string, string>> {
  const attempted = 'reading a form'
  const pairs = text === '' ? [] : text.split('&', fieldsMax + 1)
  if (pairs.length > fieldsMax)
    throw httpError('REQUEST_TOO_LARGE', { attempted, received: `more than ${fieldsMax} fields` })
  const fields = new Map<string, string>()
  for (const pair of pairs) {
    const { name, value } = pairForm.exec(pair)?.groups ?? {}
    const [of, is] = [unescaped(name), unescaped(value)]
    if (of === undefined || is === undefined)
      throw httpError('REQUEST_INVALID', { attempted, received: 'what no browser writes into a form' })
    if (fields.has(of)) throw httpError('REQUEST_INVALID', { attempted, received: 'two fields of one name' })
    fields.set(of, is)
  }
  return Object.fromEntries(fields)
}

/** Undefined: what is no UTF-8. */
function unescaped(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
