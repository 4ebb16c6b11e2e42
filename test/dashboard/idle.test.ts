// SPDX-License-Identifier: Apache-2.0
// POL-1, API-3: a page that nobody sits at polls and listens, and signs out nevertheless.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { noChromium } from '../chromium.ts'
import { shiftingClock } from '../transport/shifting-clock.ts'
import { openVisitor, switchTenant } from './visitor.ts'

const minutes = 60_000

test('a page that is used stays signed in; left open, it polls, and is signed out', { skip: noChromium }, async () => {
  const clock = shiftingClock()
  await using visitor = await openVisitor({ clock })
  const { page, server } = visitor
  await switchTenant(page, 'default')
  await page.goto(`${server.url}/live`)
  await page.locator('.seal .feed').filter({ hasText: 'live' }).waitFor()
  await answered(page)
  clock.advance(20 * minutes)
  const counted = page.waitForRequest((request) => request.headers()['sealwatch-background'] === undefined)
  await page.keyboard.press('Shift')
  await counted.then((request) => request.response())
  clock.advance(20 * minutes)
  // Both that something polls and that it is let in: the page is alive.
  await answered(page)
  assert.equal(await page.locator('.seal .feed').filter({ hasText: 'live' }).count(), 1)
  clock.advance(10 * minutes)
  await page.getByRole('link', { name: 'Sign in' }).waitFor()
})

/** What the page asks by itself has been answered. */
async function answered(page: Page): Promise<void> {
  const isPoll = (headers: Record<string, string>) => headers['sealwatch-background'] === '1'
  const answer = await page.waitForResponse((response) => isPoll(response.request().headers()))
  assert.equal(answer.status(), 200)
}
