// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const feedErrors = {
  FEED_UNAVAILABLE: {
    kind: 'unavailable',
    rule: 'the source of a feed gives it out: a file that the server may read, a URL that answers 200 or 304',
    advice:
      'Ask for it by hand as the server does; until it is there again the last good copy holds (docs/detection.md)',
  },
} as const satisfies ErrorTable
export const feedError = errorsOf(feedErrors)
