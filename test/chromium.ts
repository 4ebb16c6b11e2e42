// SPDX-License-Identifier: Apache-2.0
// Debian's Chromium, which asks nobody but the page it is shown.

import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

const executablePath = '/usr/bin/chromium'
const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]

/** Why there is nothing to test with, or false. */
export const noChromium = existsSync(executablePath)
  ? false
  : `NOT TESTED: ${executablePath} is missing; tools/setup test installs it`

export const launchChromium = (): Promise<Browser> => chromium.launch({ executablePath, args })

/** Follows a one-time link, as whoever reads its page does; resolves where it leads. */
export async function followLink(page: Page, link: string): Promise<void> {
  await page.goto(link)
  await page.locator('form button').click()
  await page.waitForURL(({ pathname }) => !pathname.startsWith('/auth'))
}
