// SPDX-License-Identifier: Apache-2.0
// What the built-in provider says to whoever comes without a link: in Debian's Chromium, at every width and in both themes.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { pageHeaders, page as pageOf } from '../../apps/dev-login/src/page.ts'
import { launchChromium, noChromium } from '../chromium.ts'
import { findingsOf } from './axe.ts'

test('the page of the built-in provider keeps nobody out, and nothing in it is stopped', {
  skip: noChromium,
}, async () => {
  const said = { title: '<b>', rows: ['A row & more'], command: 'sudo ./sealwatch login', origin: 'http://localhost:1' }
  const text = pageOf({ ...said, detail: 'x'.repeat(200) })
  const server = createServer((_request, response) => response.writeHead(200, pageHeaders).end(text))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const browser = await launchChromium()
  try {
    const page = await browser.newPage()
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    for (const colorScheme of ['light', 'dark'] as const)
      for (const width of [1280, 360]) {
        await page.emulateMedia({ colorScheme })
        await page.setViewportSize({ width, height: 800 })
        await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
        await page.getByRole('heading', { name: '<b>' }).waitFor()
        await page.getByText('Development provider').waitFor()
        assert.deepEqual(await findingsOf(page), [], `${colorScheme} ${width}`)
        assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true)
        const paper = colorScheme === 'light' ? 'rgb(248, 246, 241)' : 'rgb(14, 20, 26)'
        assert.equal(await page.evaluate('getComputedStyle(document.body).backgroundColor'), paper)
      }
    assert.deepEqual(complaints, [])
  } finally {
    await browser.close()
    server.close()
  }
})
