// SPDX-License-Identifier: Apache-2.0

import type { RequestContext } from '../context.ts'
import { type DecodeLimits, decodeLimits } from '../limits.ts'
import type { Signal } from '../signals.ts'
import { decodeBody, type Processor } from './body.ts'
import { cutLong } from './cut.ts'
import { decodeParameters } from './form.ts'
import { decodeHeaders } from './headers.ts'
import { decodeInner } from './inner.ts'
import { findOddBytes, findOddHeader, findSmuggling } from './oddities.ts'
import { decodePercent, hasLoosePercent } from './percent.ts'
import { createFindings, type Value } from './values.ts'

export type DecodedRequest = {
  /** The request, as far as it is looked at: see cut.ts. */
  readonly context: RequestContext
  readonly values: readonly Value[]
  readonly signals: readonly Signal[]
  /** By what the body was parted; empty where it was not. */
  readonly processor: Processor
  /** What was looked at of a body that is a form or was not parted. */
  readonly rawBody: string
  /** Of all uploaded files. */
  readonly fileBytes: number
  /** Whether there is text that nobody has looked at. */
  readonly isCut: boolean
}

/** What a request says, value by value, and what is odd about how it says it. Never throws, whatever the request holds. */
export function decodeRequest(given: RequestContext, limits: DecodeLimits = decodeLimits): DecodedRequest {
  const findings = createFindings(limits)
  const { context, cut } = cutLong(given, limits)
  for (const where of cut) {
    findings.signal('oversize', where)
    findings.passOver()
  }
  findings.add('REQUEST_FILENAME', '', decodePercent(context.path))
  if (hasLoosePercent(context.path)) findings.signal('malformed-encoding', 'REQUEST_FILENAME')
  decodeHeaders(context.headers, findings)
  findings.beginPart()
  decodeParameters(context.query, 'ARGS_GET', findings)
  findings.beginPart()
  // Whichever of many headers says what the body is.
  const body = decodeBody(given, findings)
  findSmuggling(given, findings)
  for (const [name, value] of context.headers) findOddHeader(name, value, findings)
  // A body that is no text has any bytes, and so have files.
  const isText = body.processor !== '' && body.processor !== 'MULTIPART'
  for (const value of findings.values) if (isText || value.source !== 'REQUEST_BODY') findOddBytes(value, findings)
  decodeInner(findings, body.processor)
  return { context, values: findings.values, signals: findings.signals, isCut: findings.isPassedOver(), ...body }
}
