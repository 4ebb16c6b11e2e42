// SPDX-License-Identifier: Apache-2.0

import type { RequestContext } from '../context.ts'
import { type DecodeLimits, decodeLimits } from '../limits.ts'
import type { Signal } from '../signals.ts'
import { decodeBody, type Processor } from './body.ts'
import { decodeParameters } from './form.ts'
import { decodeHeaders } from './headers.ts'
import { decodeInner } from './inner.ts'
import { findOddBytes, findSmuggling } from './oddities.ts'
import { decodePercent, hasLoosePercent } from './percent.ts'
import { createFindings, type Value } from './values.ts'

export type DecodedRequest = {
  readonly values: readonly Value[]
  readonly signals: readonly Signal[]
  /** By what the body was parted; empty where it was not. */
  readonly processor: Processor
  /** What was looked at of a body that is a form or was not parted. */
  readonly rawBody: string
  /** Of all uploaded files. */
  readonly fileBytes: number
}

/** What a request says, value by value, and what is odd about how it says it. Never throws, whatever the request holds. */
export function decodeRequest(context: RequestContext, limits: DecodeLimits = decodeLimits): DecodedRequest {
  const findings = createFindings(limits)
  findings.add('REQUEST_FILENAME', '', decodePercent(context.path))
  if (hasLoosePercent(context.path)) findings.signal('malformed-encoding', 'REQUEST_FILENAME')
  decodeHeaders(context.headers, findings)
  findings.beginPart()
  decodeParameters(context.query, 'ARGS_GET', findings)
  findings.beginPart()
  const body = decodeBody(context, findings)
  findSmuggling(context, findings)
  // A body that is no text has any bytes.
  const isText = body.processor !== ''
  for (const value of findings.values) if (isText || value.source !== 'REQUEST_BODY') findOddBytes(value, findings)
  decodeInner(findings, body.processor)
  return { values: findings.values, signals: findings.signals, ...body }
}
