// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'

export const reputationErrors = {
  REPUTATION_CONFIG: {
    kind: 'invalid',
    rule: 'feeds are described as docs/detection.md says, each by its own name',
    advice: 'Correct what is named here',
  },
  FEED_TOO_LARGE: {
    kind: 'exhausted',
    rule: 'a feed has a limit of bytes and of prefixes',
    advice:
      'Take a shorter feed, or one line an entry in the place of one JSON document; the former reading stays in force',
  },
  FEED_MALFORMED: {
    kind: 'invalid',
    rule: 'a feed is in the format that its configuration names, and nearly all of its entries are right',
    advice:
      'Look what the source gives out, an error page perhaps, and at the format; the former reading stays in force',
  },
  FEED_EMPTY: {
    kind: 'invalid',
    rule: 'a feed that is never empty holds something',
    advice: 'Look what the source gives out; the former reading stays in force',
  },
  FEED_TOO_WIDE: {
    kind: 'invalid',
    rule: 'a feed lists a part of the Internet and not the Internet',
    advice: 'Look what the source gives out; the former reading stays in force',
  },
} as const satisfies ErrorTable

export const reputationError = errorsOf(reputationErrors)
