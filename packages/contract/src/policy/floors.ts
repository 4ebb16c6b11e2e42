// SPDX-License-Identifier: Apache-2.0

import type { RetentionClass } from './document.ts'

/**
 * Days that entries are kept at least, whatever a tenant asks for: what proves an attack, or an act of an administrator,
 * outlasts the attempt to have it forgotten (STO-2: a year).
 */
export const retentionDaysMin: Readonly<Record<RetentionClass, number>> = {
  process: 7,
  network: 7,
  other: 7,
  file: 30,
  memory: 30,
  log: 90,
  lifecycle: 90,
  finding: 365,
  administration: 365,
}
