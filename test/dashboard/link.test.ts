// SPDX-License-Identifier: Apache-2.0
// A one-time link as people come by it: in Debian's Chromium, with the keyboard.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { noChromium } from '../chromium.ts'
import { findingsOf } from './axe.ts'
import { openVisitor, type Visitor } from './visitor.ts'

const only = { skip: noChromium }
let visitor: Visitor
before(async () => {
  if (noChromium === false) visitor = await openVisitor()
})
after(() => visitor?.[Symbol.asyncDispose]())

async function linkFor(name: string): Promise<string> {
  const body = { name, reason: 'A test signs in', minutes: 30 }
  return (await visitor.server.root('cluster').call('openBreakGlass', { body })).url
}

async function stranger() {
  const context = await visitor.context.browser()?.newContext()
  assert.ok(context !== undefined)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  const sentOf = (path: string) =>
    page.waitForRequest((request) => request.method() === 'POST' && new URL(request.url()).pathname === path)
  return { context, page, complaints, sentOf, [Symbol.asyncDispose]: () => context.close() }
}

test('its page says what it is for, at every width and in both themes; the keyboard alone uses it', only, async () => {
  await using by = await stranger()
  const { page, context, complaints } = by
  const { url: origin } = visitor.server
  const link = await linkFor('Grace')
  for (const colorScheme of ['light', 'dark'] as const)
    for (const width of [1280, 360]) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: 800 })
      await page.goto(link)
      await page.getByRole('heading', { name: 'Emergency access' }).waitFor()
      await page.getByText('It is for Grace, as Cluster admin of the deployment, for 30 minutes at most').waitFor()
      assert.deepEqual(await findingsOf(page), [], `${colorScheme} ${width}`)
      assert.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth <= 0'), true)
    }
  assert.deepEqual(await context.cookies(), [], 'looking uses nothing up')
  await page.keyboard.press('Tab')
  const sent = by.sentOf('/auth/link')
  await page.keyboard.press('Enter')
  const headers = await (await sent).allHeaders()
  assert.deepEqual([headers.origin, headers.referer], [origin, `${origin}/`], 'the link goes into no referrer')
  await page.waitForURL(({ pathname }) => !pathname.startsWith('/auth'))
  await page.getByRole('heading', { level: 1 }).waitFor()
  assert.match(await (await context.request.get(`${origin}/api/v1/session`)).text(), /"name":"Grace"/)
  assert.deepEqual(complaints, [])
})

test('the form of a page of elsewhere signs nobody in: the browser itself says whence it came', only, async () => {
  await using by = await stranger()
  const { page, context } = by
  const { url: origin } = visitor.server
  const link = await linkFor('Mallory')
  const code = new URL(link).searchParams.get('code')
  const evil = createServer((_request, response) =>
    response
      .setHeader('content-type', 'text/html')
      .end(
        `<form method="post" action="${origin}/auth/link"><input name="code" value="${code}"></form><script>document.forms[0].submit()</script>`,
      ),
  )
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = evil.address() as AddressInfo
    for (const host of ['127.0.0.1', 'localhost']) {
      await page.goto(`http://${host}:${port}/`)
      await page.getByRole('heading', { name: 'This link was not used' }).waitFor()
      assert.deepEqual(await findingsOf(page), [])
    }
    assert.deepEqual(await context.cookies(), [])
    await page.goto(link)
    await page.getByRole('heading', { name: 'Emergency access' }).waitFor()
  } finally {
    evil.close()
  }
})
