// SPDX-License-Identifier: Apache-2.0
// API-3: what the dashboard does for whoever errs, leaves too early, or came by an old link.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { rfc3339, systemClock } from '@sealwatch/base'
import type { Page } from 'playwright-core'
import { followLink, noChromium } from '../chromium.ts'
import { findingsOf, looks } from './axe.ts'
import { firing, startHost } from './host.ts'
import { openVisitor, switchTenant, type Visitor } from './visitor.ts'

const only = { skip: noChromium }
let visitor: Visitor
if (noChromium === false) {
  before(async () => {
    visitor = await openVisitor()
    await switchTenant(visitor.page, 'default')
    const events = [firing('shadow-read'), firing('memfd-exec'), stopped()]
    const host = await startHost(visitor.server, { name: 'web-1', events })
    await host.finish(10_000)
    await host.stop()
  })
  after(() => visitor[Symbol.asyncDispose]())
}

/** The agent was away for 75 seconds (docs/formats/event.md, 7.2). */
function stopped() {
  const nowNs = systemClock.nowNs()
  const at = (agoS: bigint) => rfc3339(nowNs - agoS * 1_000_000_000n)
  const { device, metadata } = firing('shadow-read') as Record<string, Record<string, unknown>>
  const gap = { cause: 'agent_stopped', from: at(135n), to: at(60n) }
  const event = { class_uid: 1008, device, metadata: { ...metadata, event_code: 'gap' }, unmapped: { gap } }
  return event as unknown as ReturnType<typeof firing>
}

async function goTo(path: string) {
  const { page, server } = visitor
  await page.setViewportSize({ width: 1280, height: 800 })
  // What is still fading in has other colours.
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.goto(server.url + path)
  await page.getByRole('heading', { level: 1 }).waitFor()
  await page.locator('.bones').first().waitFor({ state: 'detached' })
  return page
}
const everyLook = async (page: Page) => {
  for (const [width, colorScheme] of looks) {
    await page.setViewportSize({ width, height: 800 })
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    assert.deepEqual(await findingsOf(page), [], `${width}, ${colorScheme}`)
    const widest = Number(await page.evaluate('document.documentElement.scrollWidth'))
    assert.ok(widest <= width, `${widest} wide where there are ${width}`)
  }
}

test('Enter opens a line, Escape closes it, and the list goes on from there; the help says both', only, async () => {
  const page = await goTo('/events')
  await page.locator('[data-row]').nth(2).waitFor()
  for (let steps = 0; steps < 2; steps += 1) await page.keyboard.press('j')
  const leaf = await page.evaluate('document.activeElement.dataset.leaf')
  await page.keyboard.press('Enter')
  await page.getByRole('article').getByText('Sealed by').waitFor()
  await page.getByRole('button', { name: 'Close the line' }).focus()
  await page.keyboard.press('?')
  const help = page.getByRole('dialog', { name: 'Keyboard' })
  for (const text of ['Open the one chosen in a list', 'Close what is open']) await help.getByText(text).waitFor()
  await page.keyboard.press('Escape')
  await help.waitFor({ state: 'detached' })
  assert.equal(await page.getByRole('article').count(), 1, 'one thing at a time')
  await page.keyboard.press('Escape')
  await page.getByRole('article').waitFor({ state: 'detached' })
  await page.locator(`[data-leaf="${leaf}"]:focus`).waitFor()
})

test('a finding is named once, told to the second, and what may be harmless is a list', only, async () => {
  const page = await goTo('/live')
  await page.getByRole('button', { name: /Password hashes read/ }).click()
  const detail = page.getByRole('article')
  await detail.getByText('Why it fired').waitFor()
  assert.equal(await detail.getByText(/^Password hashes read by an unexpected program/).count(), 1)
  assert.ok((await detail.locator('.harmless li').count()) > 1)
  const when = detail.locator('.inline dd > *').first()
  assert.match((await when.textContent()) ?? '', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/)
  assert.match((await when.getAttribute('title')) ?? '', /T.*\.\d{3}Z$/)
  const written = detail.locator('.inline dd > code').first()
  assert.match((await written.textContent()) ?? '', /T.*\.\d{9}Z$/, 'the line has a time of its own')
})

test('what is wrong with a name stands at its field, whoever saw it', only, async () => {
  await switchTenant(visitor.page, 'cluster')
  const page = await goTo('/tenants')
  await page.getByRole('button', { name: 'New tenant' }).click()
  await page.getByLabel('Name').fill('Delta Inc')
  await page.getByText('The capital D cannot stand in it: delta-inc would do.').waitFor()
  assert.equal(await page.getByLabel('Name').getAttribute('aria-invalid'), 'true')
  assert.ok(await page.getByRole('button', { name: 'Create' }).isDisabled())
  assert.deepEqual(await findingsOf(page), [])
  const refused = {
    ...{ type: 'x', title: 'Invalid request', status: 400, code: 'REQUEST_INVALID', request_id: 'req_1' },
    ...{ detail: 'inner words', advice: 'more of them', problems: [{ at: 'body.name', rule: 'It is another’s.' }] },
  }
  await page.route('**/api/v1/tenants', (route) =>
    route.request().method() === 'POST'
      ? route.fulfill({ status: 400, contentType: 'application/problem+json', body: JSON.stringify(refused) })
      : route.fallback(),
  )
  await page.getByLabel('Name').fill('delta-inc')
  await page.getByRole('button', { name: 'Create' }).click()
  await page.locator('#tenant-name-said').getByText('It is another’s.').waitFor()
  for (const text of ['body.name', 'inner words']) assert.equal(await page.getByText(text).count(), 0, text)
  await page.unroute('**/api/v1/tenants')
})

test('text that is not saved is not left without a word: by a link, back, a key, another tenant', only, async () => {
  await switchTenant(visitor.page, 'default')
  const page = await goTo('/hosts')
  await page.getByRole('link', { name: 'Policies' }).click()
  await page.getByRole('button', { name: 'New policy' }).click()
  await page.getByLabel('Id').fill('kept')
  await page.getByRole('button', { name: 'Write it' }).click()
  const source = page.getByLabel('The policy kept, as JSON')
  const mine = (await source.inputValue()).replace('Sensitive files', 'Mine')
  await source.fill(mine)
  const question = page.getByRole('dialog', { name: 'Leave without saving?' })
  const leavings: readonly (() => Promise<unknown>)[] = [
    () => page.getByRole('link', { name: 'Hosts' }).click(),
    () => page.goBack(),
    async () => {
      await page.getByRole('tab', { name: 'Problems' }).focus()
      await page.keyboard.press('g')
      await page.keyboard.press('l')
    },
  ]
  for (const leave of leavings) {
    await leave()
    await question.waitFor()
    assert.deepEqual(await findingsOf(page), [])
    await question.getByRole('button', { name: 'Stay' }).click()
    assert.equal(await source.inputValue(), mine)
    assert.match(page.url(), /id=kept/)
  }
  await page.locator('.tenant').click()
  await page.getByRole('dialog').getByRole('button', { name: 'acme' }).click()
  await question.getByRole('button', { name: 'Stay' }).click()
  await page.keyboard.press('Escape')
  assert.equal(await source.inputValue(), mine)
  const asked = page.waitForEvent('dialog')
  const closing = page.close({ runBeforeUnload: true })
  await (await asked).dismiss()
  await closing
  await page.getByRole('link', { name: 'Hosts' }).click()
  await question.getByRole('button', { name: 'Leave' }).click()
  await page.getByRole('heading', { name: 'Hosts', level: 1 }).waitFor()
})

test('what somebody else saves meanwhile overwrites nothing here; once saved, one leaves unasked', only, async () => {
  const root = visitor.server.root('default')
  const policy = (name: string) =>
    JSON.stringify({
      ...{ type: 'file', name, enabled: false },
      rules: [{ id: 'a', paths: ['/etc/shadow'], may: [{ executables: ['/usr/bin/passwd'] }] }],
    })
  await root.call('putPolicy', { params: { id: 'shared' }, body: { policy: policy('First') } })
  const page = await goTo('/policies?id=shared')
  const source = page.getByLabel('The policy shared, as JSON')
  await source.fill((await source.inputValue()).replace('First', 'Mine'))
  const { headers } = await root.ask('getPolicy', { params: { id: 'shared' } })
  await root.call('putPolicy', {
    params: { id: 'shared' },
    body: { policy: policy('Theirs') },
    headers: { 'if-match': headers.get('etag') ?? '' },
  })
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('button', { name: /^Give mine up/ }).waitFor()
  assert.match(await source.inputValue(), /Mine/)
  await page.getByRole('button', { name: /^Give mine up/ }).click()
  await page.waitForFunction('document.querySelector("textarea").value.includes("Theirs")')
  await source.fill((await source.inputValue()).replace('Theirs', 'Ours'))
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('shared saved and signed').waitFor()
  await page.getByRole('link', { name: 'Hosts' }).click()
  await page.getByRole('heading', { name: 'Hosts', level: 1 }).waitFor()
})

test('a host tells for how long nobody knows what happened on it, and which line says so', only, async () => {
  const page = await goTo('/hosts')
  const card = page.locator('.host').filter({ hasText: 'web-1' })
  await card.getByText(/for 1 min 15 s in the last 7 days, in 1 interval: .* because its agent was stopped/).waitFor()
  await everyLook(page)
  await page.setViewportSize({ width: 1280, height: 800 })
  await card.getByRole('link', { name: /^line/ }).click()
  await page.getByRole('article').getByText('Sealed by').waitFor()
})

test('while a filter is wrong, the list says what it still shows', only, async () => {
  const page = await goTo('/events')
  await page.locator('[data-row]').first().waitFor()
  await page.getByRole('combobox').fill('severity>=hihg and class=finding')
  await page.getByText('The list is not filtered.').waitFor()
  await page.keyboard.press('Escape')
  await everyLook(page)
})

test('an address that leads nowhere: the dashboard says so to people, the API to programs', only, async () => {
  const { page, server } = visitor
  const answer = await page.goto(`${server.url}/nosuchpage`)
  assert.equal(answer?.status(), 404)
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor()
  await everyLook(page)
  const asked = async (path: string, accept: string) => {
    const { status, headers } = await server.send({ method: 'GET', path, headers: { accept } })
    return [status, headers['content-type']]
  }
  for (const path of ['/api/v1/nothing', '/auth/nothing', '/assets/nothing.js'])
    assert.deepEqual(await asked(path, 'text/html'), [404, 'application/problem+json; charset=utf-8'], path)
  assert.deepEqual(await asked('/nosuchpage', '*/*'), [404, 'application/problem+json; charset=utf-8'])
})

test('DET-5: a link that is over says what happened and what to do, in the look of the dashboard', only, async () => {
  const { server } = visitor
  const opened = { name: 'Eve', reason: 'A test signs in twice', minutes: 10 }
  const { url } = await server.root('cluster').call('openBreakGlass', { body: opened })
  const fresh = await visitor.context.browser()?.newContext()
  assert.ok(fresh !== undefined)
  const page = await fresh.newPage()
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  await followLink(page, url)
  await page.getByRole('heading', { level: 1 }).waitFor()
  complaints.length = 0
  const pages: string[] = []
  for (const link of [url, `${server.url}/auth/link?code=swl_of_nobody`]) {
    const answer = await page.goto(link)
    assert.equal(answer?.status(), 403)
    await page.getByRole('heading', { name: 'This link signs nobody in any more' }).waitFor()
    await page.getByText('Access denied').waitFor()
    await page.getByText('sudo ./sealwatch login').waitFor()
    pages.push(((await page.locator('main').textContent()) ?? '').replace(/(?:LINK|req)_\w+/g, ''))
    await everyLook(page)
  }
  assert.equal(pages[0], pages[1], 'the same words for a link that never was')
  assert.notEqual(
    await page.evaluate('getComputedStyle(document.querySelector(".button")).backgroundColor'),
    'rgba(0, 0, 0, 0)',
  )
  assert.deepEqual(
    complaints.filter((text) => !/status of 403/.test(text)),
    [],
  )
  await fresh.close()
})

test('on a phone titles are whole, one row unlike another, and the table says that it goes on', only, async () => {
  const page = await goTo('/live')
  await page.setViewportSize({ width: 360, height: 800 })
  const title = page.locator('[data-row] b').filter({ hasText: 'Password hashes' }).first()
  await title.waitFor()
  const cut = `[...document.querySelectorAll('[data-row] b')].filter(
    (b) => b.textContent.startsWith('Password') && (b.scrollHeight > b.clientHeight || b.scrollWidth > b.clientWidth)).length`
  assert.equal(await page.evaluate(cut), 0)
  const overlap = `[...document.querySelectorAll('.row')].some((row, i, all) =>
    i > 0 && row.getBoundingClientRect().top < all[i - 1].getBoundingClientRect().bottom - 1)`
  assert.equal(await page.evaluate(overlap), false)
  await page.getByRole('button', { name: 'Pages' }).click()
  assert.equal(await page.locator('.places kbd:visible').count(), 0)
  await page.goto(`${visitor.server.url}/roles`)
  await page.getByText('side by side').waitFor()
})
