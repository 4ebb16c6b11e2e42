// SPDX-License-Identifier: Apache-2.0

const dayMs = 24 * 3_600_000
/** Hosts renew when a third of the life of their certificate is left, the last of them at 28 hundredths. */
const leftPart = 1 / 4
const leftMsMax = 30 * dayMs

/**
 * Whether a certificate of a host should have been renewed by now: less than a quarter of its life is left, and less than
 * 30 days. `beginsAt`: null of one from before that was written down, which lived a day.
 */
export function isEnding(
  { beginsAt, expiresAt }: { readonly beginsAt: string | null; readonly expiresAt: string },
  nowMs: number,
): boolean {
  const expiresMs = Date.parse(expiresAt)
  const lifeMs = beginsAt === null ? dayMs : expiresMs - Date.parse(beginsAt)
  return expiresMs - nowMs < Math.min(lifeMs * leftPart, leftMsMax)
}
