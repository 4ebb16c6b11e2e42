// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'

export const rowErrors = {
  SERVICE_UNNAMED: {
    kind: 'denied',
    rule: 'rows come with a token, or a certificate, that is bound to the service that signs them (submission.md, 4.3)',
    advice: 'Make one: `sealwatch token create NAME --may rows:write --service SERVICE`',
  },
  SUBMISSION_MALFORMED: {
    kind: 'invalid',
    rule: 'a submission has the members and keeps to the limits of submission.md, 1 to 3',
    advice: 'Sign rows with @sealwatch/producer, or compare with docs/formats/submission.md',
  },
  SUBMISSIONS_INVALID: {
    kind: 'invalid',
    rule: 'a request brings 1 to 100 submissions, with payloads of 4 MiB together, in the form of submission.md, 4',
    advice: 'Send rows with @sealwatch/producer, or compare with docs/formats/submission.md',
  },
  SUBMISSION_ID_TAKEN: {
    kind: 'conflict',
    rule: 'an id names the bytes that came under it first, for ever (submission.md, 5.4)',
    advice: 'Draw a new id, at random, for each payload; what was sent under this one is kept',
  },
  ROWS_LIMITED: {
    kind: 'exhausted',
    rule: 'a service, and those of a tenant together, send no more at once, and a second, than leaves room for the others (submission.md, 3)',
    advice: 'Nothing is lost: the rows stay in their outbox and are sent later',
  },
} as const satisfies ErrorTable

export const rowError = errorsOf(rowErrors)
