// SPDX-License-Identifier: Apache-2.0

import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * What a page must show to change anything: whoever only makes the browser send its cookie does not know it. It follows
 * from the session's secret, is another for each, and leads back to none.
 */
export const csrfTokenOf = (token: string): string =>
  createHmac('sha256', token).update('sealwatch.dev/csrf/v1').digest('base64url')

export function isCsrfToken(token: string, given: string | undefined): boolean {
  const due = Buffer.from(csrfTokenOf(token))
  const shown = Buffer.from(given ?? '')
  return shown.length === due.length && timingSafeEqual(shown, due)
}
