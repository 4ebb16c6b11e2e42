// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

const source = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8')

/** Each width and each theme once; all four together every page is seen in (dashboard.test.ts). */
export const looks = [
  [1280, 'light'],
  [360, 'dark'],
] as const

/** What axe finds that keeps somebody out, each with where: serious and worse. */
export async function findingsOf(page: Page): Promise<string[]> {
  // Chromium may still hold the colour of the other theme for a word that changes in the same frame: what is wrong stays wrong.
  const found = await look(page)
  return found.some((finding) => finding.startsWith('color-contrast')) ? look(page) : found
}

async function look(page: Page): Promise<string[]> {
  await page.evaluate('document.fonts.ready')
  // A change of the theme is painted first.
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')
  // Bringing it takes as long as running it.
  if (await page.evaluate("typeof axe === 'undefined'")) await page.evaluate(`(() => { ${source} })()`)
  const { violations } = (await page.evaluate('axe.run({ resultTypes: ["violations"] })')) as AxeResults
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
    )
}
