// SPDX-License-Identifier: Apache-2.0

export { examinationErrors } from './errors.ts'
export {
  createKeyExaminations,
  type ExaminationState,
  type KeyExaminations,
  type MadeKeyReport,
} from './examinations.ts'
