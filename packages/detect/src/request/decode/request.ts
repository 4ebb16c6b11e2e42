// SPDX-License-Identifier: Apache-2.0

import type { RequestContext } from '../context.ts'
import { type DecodeLimits, decodeLimits } from '../limits.ts'
import type { Signal } from '../signals.ts'
import { decodeParameters } from './form.ts'
import { decodeHeaders, headerNamed } from './headers.ts'
import { decodePercent } from './percent.ts'
import { createFindings, type Value } from './values.ts'

export type DecodedRequest = { readonly values: readonly Value[]; readonly signals: readonly Signal[] }

/** What a request says, value by value, and what is odd about how it says it. Never throws, whatever the request holds. */
export function decodeRequest(context: RequestContext, limits: DecodeLimits = decodeLimits): DecodedRequest {
  const findings = createFindings(limits)
  findings.add('REQUEST_FILENAME', '', decodePercent(context.path))
  decodeHeaders(context.headers, findings)
  decodeParameters(context.query, 'ARGS_GET', findings)
  if (context.body.length > 0) {
    const body = Buffer.from(context.body.buffer, context.body.byteOffset, context.body.byteLength)
    const head = body.toString('latin1', 0, limits.headBytesMax)
    const type = headerNamed(context.headers, 'content-type') ?? ''
    if (/^application\/x-www-form-urlencoded/i.test(type)) decodeParameters(head, 'ARGS_POST', findings)
    else findings.add('REQUEST_BODY', '', head)
  }
  return findings
}
