// SPDX-License-Identifier: Apache-2.0
// ING-3: what a page shows while signatures are not enforced, before a whole server.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { strictOffPhrase } from '@sealwatch/contract'
import { generateSigner } from '@sealwatch/keys'
import { joinHost } from '../api/host.ts'
import { noChromium } from '../chromium.ts'
import { findingsOf } from './axe.ts'
import { firing } from './host.ts'
import { openVisitor, switchTenant, type Visitor } from './visitor.ts'

let visitor: Visitor
if (noChromium === false) {
  before(async () => {
    visitor = await openVisitor()
    await switchTenant(visitor.page, 'default')
  })
  after(() => visitor[Symbol.asyncDispose]())
}

test('while signatures are not enforced every page says so, what came in then is marked, and a button ends it', {
  skip: noChromium,
}, async () => {
  const { page, server } = visitor
  const root = server.root('default')
  await page.goto(`${server.url}/live`)
  await page.getByRole('heading', { level: 1 }).waitFor()
  const banner = page.getByRole('region', { name: 'Signatures are not enforced' })
  assert.equal(await banner.count(), 0)
  const body = { seconds: 7200, acknowledgement: strictOffPhrase }
  const { off } = await root.call('switchStrictOff', { body })
  // Nobody loads the page anew.
  await banner.getByText(`until ${off?.ends_at?.slice(0, 19).replace('T', ' ')} UTC`).waitFor()
  await banner.getByText('operator:root').waitFor()
  await banner.getByText('0 rows').waitFor()

  // It signs by another key than the one that its signatures name.
  await using host = await joinHost(server, 'default', 'forger', ({ keyId }) => ({ ...generateSigner(), keyId }))
  host.see(firing('shadow-read'))
  const row = page.getByRole('button', { name: /Password hashes read.*unverified: wrong signature/ })
  await row.waitFor()
  await banner.getByText(/^[1-9]\d* rows?$/).waitFor()
  await row.click()
  const detail = page.getByRole('article')
  await detail.getByText('unverified: wrong signature').waitFor()
  await detail.getByRole('link', { name: /rests on line/ }).click()
  await page.getByRole('heading', { name: 'Events', level: 1 }).waitFor()
  await detail.getByText('unverified: wrong signature').waitFor()
  await banner.waitFor()
  for (const width of [1280, 360])
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height: 800 })
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      assert.deepEqual(await findingsOf(page), [], `${width}, ${colorScheme}`)
    }
  await page.setViewportSize({ width: 1280, height: 800 })
  // Another tenant enforces them.
  await switchTenant(page, 'acme')
  await page.getByRole('heading', { level: 1 }).waitFor()
  assert.equal(await banner.count(), 0)
  await switchTenant(page, 'default')
  await banner.getByRole('button', { name: 'Turn strict on' }).click()
  await banner.waitFor({ state: 'detached' })
  assert.equal((await root.call('getStrictSignatures')).strict, true)
})
