// SPDX-License-Identifier: Apache-2.0

import type { DecodeLimits } from '../limits.ts'
import type { Signal, SignalKind } from '../signals.ts'

/** Named as SecLang names them. What ends in _NAMES has the name as its text, too. */
export type Source =
  | 'REQUEST_FILENAME'
  | 'ARGS_GET'
  | 'ARGS_GET_NAMES'
  | 'ARGS_POST'
  | 'ARGS_POST_NAMES'
  | 'REQUEST_COOKIES'
  | 'REQUEST_COOKIES_NAMES'
  | 'REQUEST_HEADERS'
  | 'FILES'
  | 'FILES_NAMES'
  | 'MULTIPART_PART_HEADERS'
  | 'XML'
  | 'REQUEST_BODY'

/** One thing that a request says, and where: `ARGS_POST` and `a.b[2].c`, `REQUEST_HEADERS` and `user-agent`, `XML` and `/*`. */
export type Value = {
  readonly source: Source
  readonly name: string
  /** Latin1: one character for each byte. Decoded once, as the service does; text of JSON is UTF-8. */
  readonly text: string
  /** How it was found within a value of the same source and name that is listed too, as in `percent base64`. */
  readonly inside?: string
}

/** Collects what decoders find, within limits. */
export type Findings = {
  add(source: Source, name: string, text: string): void
  signal(kind: SignalKind, where: string): void
  /** Whether parameters are still told apart, in the part of the request that is being read. */
  isFull(): boolean
  /** Another part begins: whatever stood in those before, so many are told apart in this one, too. */
  beginPart(): void
  /** Something that should be read is neither read nor searched. */
  passOver(): void
  readonly isPassedOver: () => boolean
  readonly limits: DecodeLimits
  readonly values: Value[]
  readonly signals: Signal[]
}

export function createFindings(limits: DecodeLimits): Findings {
  const values: Value[] = []
  const signals: Signal[] = []
  let before = 0
  let isPassedOver = false
  return {
    limits,
    values,
    signals,
    isFull: () => values.length - before >= limits.valuesMax,
    beginPart() {
      before = values.length
    },
    passOver() {
      isPassedOver = true
    },
    isPassedOver: () => isPassedOver,
    add(source, name, text) {
      values.push({ source, name, text })
    },
    signal(kind, where) {
      let same = 0
      for (const signal of signals) {
        if (signal.kind !== kind) continue
        if (signal.where === where) return
        same += 1
      }
      if (same < limits.signalsOfKindMax) signals.push({ kind, where })
    },
  }
}
