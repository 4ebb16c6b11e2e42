// SPDX-License-Identifier: Apache-2.0

export { rowError, rowErrors } from './errors.ts'
export { quarantinePlaceOf } from './keep-submission.ts'
export { createRowIngest, type RowIngest, type Service } from './rows.ts'
export { checkRequest, senderOfRows, serviceOf, submissionsInvalid } from './service.ts'
