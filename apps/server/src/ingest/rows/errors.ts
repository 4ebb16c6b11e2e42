// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const rowErrors = {
  SERVICE_UNNAMED: {
    kind: 'denied',
    rule: 'rows come with a token that is bound to the service that signs them (submission.md, 4.3)',
    advice: 'Make one: `sealwatch token create NAME --may rows:write --service SERVICE`',
  },
  SUBMISSION_MALFORMED: {
    kind: 'invalid',
    rule: 'a submission has the members and keeps to the limits of submission.md, 1 to 3',
    advice: 'Sign rows with @sealwatch/producer, or compare with docs/formats/submission.md',
  },
  SUBMISSION_ID_TAKEN: {
    kind: 'conflict',
    rule: 'an id names the bytes that came under it first, for ever (submission.md, 5.4)',
    advice: 'Draw a new id, at random, for each payload; what was sent under this one is kept',
  },
  ROWS_LIMITED: {
    kind: 'exhausted',
    rule: 'the services of a tenant send no more bytes at once, and a second, than leaves room for the others',
    advice: 'Nothing is lost: the rows stay in their outbox and are sent later',
  },
} as const satisfies ErrorTable

export const rowError = errorsOf(rowErrors)
