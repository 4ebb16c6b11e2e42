// SPDX-License-Identifier: Apache-2.0
// ING-4, API-3: what waits in quarantine, how it comes in after all, and who may let it in; before a whole server.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { followLink, noChromium } from '../chromium.ts'
import { findingsOf, looks } from './axe.ts'
import { type Service, startService } from './service.ts'
import { openVisitor, switchTenant, type Visitor } from './visitor.ts'

const only = { skip: noChromium }
let visitor: Visitor
let billing: Service
if (noChromium === false) {
  before(async () => {
    visitor = await openVisitor()
    const { server, page } = visitor
    billing = await startService(server, 'billing')
    await billing.register('billing-1')
    for (const rows of [['{"n":1}'], ['{"n":2}', '{"n":3}'], ['{"n":4}']]) await billing.send('billing-2', rows)
    await billing.send('billing-1', ['{"n":5}', '{"n":1}'], { altered: true })
    const orders = await startService(server, 'orders')
    await orders.send('orders-9', ['{"n":1}'])
    await switchTenant(page, 'default')
  })
  after(() => visitor[Symbol.asyncDispose]())
}

const root = () => visitor.server.root('default')
const rail = (page: Page) => page.locator('.rail a[href="/quarantine"]')
const rows = (page: Page) => page.locator('main [data-row]')
async function shows(page: Page, count: number) {
  await rows(page)
    .nth(count - 1)
    .waitFor()
  await rows(page).nth(count).waitFor({ state: 'detached' })
}
const detail = (page: Page) => page.getByRole('article')

async function goTo(path: string, page = visitor.page) {
  await page.setViewportSize({ width: 1280, height: 800 })
  // What is still fading in has other colours.
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.goto(visitor.server.url + path)
  await page.getByRole('heading', { level: 1 }).waitFor()
  await page.locator('.bones').first().waitFor({ state: 'detached' })
  return page
}

async function everyLook(page: Page) {
  for (const [width, colorScheme] of looks) {
    await page.setViewportSize({ width, height: 800 })
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    assert.deepEqual(await findingsOf(page), [], `${width}, ${colorScheme}`)
    const widest = 'Math.max(document.documentElement.scrollWidth, document.querySelector("main").scrollWidth)'
    const most = Number(await page.evaluate(widest))
    assert.ok(most <= width, `${most} wide where there are ${width}`)
  }
  await page.setViewportSize({ width: 1280, height: 800 })
}

const leafOf = async (filter: { reason: 'invalid_signature' }) => {
  const [item] = (await root().call('listQuarantine', { query: filter })).items
  return item?.leaf_index ?? assert.fail('nothing waits')
}

test(
  'what waits is counted in the rail, drawn by reason, producer and key, and each of these narrows it',
  only,
  async () => {
    const page = await goTo('/live')
    await rail(page).getByText('5 items wait').waitFor()
    await page.keyboard.press('g')
    await page.keyboard.press('q')
    await page.getByText('7 rows wait').waitFor()
    await rows(page).nth(4).waitFor()
    assert.equal(await rows(page).count(), 5)
    await everyLook(page)
    await page.getByRole('button', { name: /^invalid_signature 2$/ }).click()
    await page.getByText('2 rows wait').waitFor()
    assert.match(page.url(), /\?reason=invalid_signature$/)
    await shows(page, 1)
    await page.getByRole('button', { name: /^invalid_signature 2$/ }).click()
    await page.getByRole('button', { name: /^orders 1$/ }).click()
    await shows(page, 1)
    assert.match(page.url(), /\?producer=service%3Aorders$/)
    await page.getByRole('button', { name: 'Show all' }).click()
    await page.keyboard.press('/')
    await page.keyboard.type('billing-2')
    await page.keyboard.press('Enter')
    await page.getByText('4 rows wait').waitFor()
    await page.getByLabel('Since').fill('yesterday')
    await page.keyboard.press('Enter')
    await page.getByText('yesterday is no time').waitFor()
    await page.getByLabel('Since').fill('2 h')
    await page.getByLabel('Until').fill('1 h')
    await page.keyboard.press('Enter')
    await page.getByText('Nothing here is as asked for').waitFor()
    assert.match(page.url(), /since=.*Z&until=.*Z/)
    await page.getByRole('button', { name: 'Came in' }).click()
    await page.getByRole('button', { name: 'Show all' }).click()
    await page.getByText('Nothing has come in from here yet').waitFor()
    await everyLook(page)
    // From bar to bar by the arrows; the last is now.
    await goTo('/quarantine')
    const bar = page.locator('.over-time button:focus')
    await page.locator('.over-time button[tabindex="0"]').focus()
    await page.keyboard.press('End')
    const told = async () => /: (\d+ rows?)$/.exec((await bar.getAttribute('aria-label')) ?? '')?.[1] ?? '0 rows'
    while ((await told()) === '0 rows') await page.keyboard.press('ArrowLeft')
    // All of them, unless they came as one bar went over into the next.
    const inBar = await told()
    await page.keyboard.press('Enter')
    await page.waitForURL(/since=.*Z&until=.*Z/)
    await page.getByText(inBar === '1 row' ? '1 row waits' : `${inBar} wait`).waitFor()
    await rows(page).first().waitFor()
  },
)

test(
  'an item says why it waits in words, what to type next, and leads to its stub; its bytes are read by name',
  only,
  async () => {
    const page = await goTo('/quarantine')
    await rows(page).nth(4).waitFor()
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await detail(page).getByText('1 row of billing waits: unknown key').waitFor()
    await detail(page).getByText('They name a key that was not registered').waitFor()
    await detail(page)
      .getByText(/^sudo .\/sealwatch signing-key add billing billing.pub --id billing-2 --from 2/)
      .waitFor()
    await detail(page).getByRole('button', { name: 'Would it come in now?' }).click()
    await detail(page)
      .getByText(/^No: no such key is registered for the service billing/)
      .waitFor()
    assert.equal(
      await detail(page)
        .getByRole('button', { name: /release/i })
        .count(),
      0,
      'replay is its way',
    )
    assert.equal(await detail(page).getByText('{"n":1}').count(), 0)
    await detail(page).getByRole('button', { name: 'Show the bytes' }).click()
    await detail(page).getByText('computed in this browser, is the name of the item').waitFor()
    await detail(page).locator('pre').filter({ hasText: 'billing-2' }).waitFor()
    await everyLook(page)
    const reading = detail(page).locator('dd').filter({ hasText: /^line/ }).getByRole('link').last()
    const leaf = Number(/\d+$/.exec((await reading.getAttribute('href')) ?? '')?.[0])
    const { line } = await root().call('getEvent', { params: { leaf } })
    assert.match(
      JSON.stringify(line),
      new RegExp(`quarantine_bytes_shown.*${visitor.personId}|${visitor.personId}.*quarantine_bytes_shown`),
    )
    await page.keyboard.press('Escape')
    await detail(page).waitFor({ state: 'detached' })
    await page.locator('[data-leaf]:focus').waitFor()
    await page.keyboard.press('Enter')
    await detail(page).locator('.steps').getByRole('link', { name: /^line/ }).click()
    await page.getByText('Rows of a service were not admitted').first().waitFor()
    await detail(page).getByText('Computed in this browser').waitFor()
  },
)

test(
  'a replay is looked at first, and then done: what holds comes in once, and the rest says why it stays',
  only,
  async () => {
    const page = await goTo('/quarantine')
    const dialog = page.getByRole('dialog', { name: 'Replay what waits' })
    const look = async () => {
      await page.getByRole('button', { name: 'Replay…' }).click()
      await dialog.getByRole('button', { name: 'Look what would come in' }).click()
    }
    await look()
    await dialog.getByText('Nothing would come in, 5 items stay').waitFor()
    await dialog.getByText('2 rows in 1 item').waitFor()
    await dialog.getByText('by two people alone').waitFor()
    assert.equal(await dialog.getByRole('button', { name: /^Let/ }).count(), 0)
    await everyLook(page)
    await page.keyboard.press('Escape')
    await billing.register('billing-2')
    const { size } = await root().call('getLedger')
    await look()
    await dialog.getByText('4 rows would come in, 2 items stay').waitFor()
    assert.equal((await root().call('getLedger')).size, size, 'nothing was done')
    await dialog.getByRole('button', { name: 'Let 4 rows in' }).click()
    await dialog.getByText('4 rows came in, 2 items stay').waitFor()
    await dialog.getByRole('button', { name: 'Done' }).click()
    await rail(page).getByText('2 items wait').waitFor()
    await shows(page, 2)
    await page.getByRole('button', { name: 'Came in' }).click()
    await rows(page).nth(2).waitFor()
    assert.equal(await rows(page).getByText('replayed').count(), 3)
    await rows(page).first().click()
    await detail(page).getByText('replayed: its signature holds').waitFor()
    await detail(page).locator('.steps li').last().getByRole('link').click()
    await page.getByText('Rows of a service follow from quarantine').first().waitFor()
  },
)

test(
  'a release by two people: one asks, another turns it down or approves, and each sees what the other did',
  only,
  async () => {
    const { server, page } = visitor
    const leaf = await leafOf({ reason: 'invalid_signature' })
    await goTo(`/quarantine?leaf=${leaf}`)
    const ask = async (cause: string) => {
      await detail(page).getByRole('button', { name: 'Ask for its release…' }).click()
      await page.getByLabel('Why').fill(cause)
      await page.getByRole('dialog').getByRole('button', { name: 'Ask', exact: true }).click()
      await detail(page).getByText('Somebody else has to decide it').waitFor()
    }
    await ask('it is the encoder of 2.1')
    assert.equal(await detail(page).getByRole('button', { name: 'Approve…' }).count(), 0, 'nobody approves their own')
    await page.keyboard.press('Escape')
    await page.getByRole('region', { name: 'Releases that wait for a second person' }).waitFor()
    await everyLook(page)
    await page.getByRole('button', { name: 'Look at it' }).click()
    await everyLook(page)

    const browser = visitor.context.browser() ?? assert.fail('no browser')
    const eves = await browser.newContext({ viewport: { width: 1280, height: 800 } })
    const eve = await eves.newPage()
    const { url } = await server
      .root('cluster')
      .call('openBreakGlass', { body: { name: 'Eve', reason: 'the second of two', minutes: 30 } })
    await followLink(eve, url)
    await eve.getByRole('heading', { level: 1 }).waitFor()
    const { items } = await server.root('cluster').call('listPeople', { query: { limit: 100 } })
    const { person_id = '' } = items.find(({ name }) => name === 'Eve') ?? {}
    await root().call('grantRole', { params: { person_id, role: 'responder' } })
    await switchTenant(eve, 'default')
    await goTo('/quarantine', eve)
    await eve.getByRole('button', { name: 'Look and decide' }).click()
    await detail(eve).getByText('it is the encoder of 2.1').first().waitFor()
    await detail(eve).getByRole('button', { name: 'Turn down…' }).click()
    await eve.getByLabel('Why').fill('show me its log')
    await eve.getByRole('button', { name: 'Turn it down' }).click()
    await detail(page)
      .getByText(/^Turned down by .*show me its log$/)
      .waitFor()
    await ask('its log shows the same rows')
    await detail(eve).getByText('its log shows the same rows').first().waitFor()
    await detail(eve).getByRole('button', { name: 'Approve…' }).click()
    await everyLook(eve)
    await eve.getByRole('button', { name: 'Approve, and let 2 rows in' }).click()
    for (const one of [eve, page]) {
      await detail(one).getByText('2 rows of billing came in after all').waitFor()
      await detail(one).getByText('released by two people, and marked').waitFor()
      assert.equal(
        await detail(one)
          .getByRole('button', { name: /Approve|Turn down|Ask for/ })
          .count(),
        0,
      )
    }
    await everyLook(page)
    const { item, release } = await root().call('showQuarantined', { params: { leaf_index: leaf } })
    assert.deepEqual(
      [item.admitted_how, release?.requested_by, release?.approved_by],
      ['released', `person:${visitor.personId}`, `person:${person_id}`],
    )
    await eves.close()
  },
)

test('another tenant sees nothing of it, and is told of its items what it is told of none', only, async () => {
  const { page } = visitor
  const waits = (await root().call('listQuarantine', { query: { state: 'waiting' } })).items[0]?.leaf_index
  await switchTenant(page, 'acme')
  await goTo(`/quarantine?leaf=${waits}`)
  await page.getByText('Nothing waits').waitFor()
  await detail(page).getByText('QUARANTINE_UNKNOWN').waitFor()
  assert.equal(await rail(page).locator('.count').count(), 0)
  for (const text of ['billing', 'orders']) assert.equal(await page.getByText(text).count(), 0, text)
  await everyLook(page)
  await switchTenant(page, 'default')
})

test('whoever may look is offered nothing else, and whoever may not is told so', only, async () => {
  const { page, personId: person_id } = visitor
  await root().call('grantRole', { params: { person_id: `usr_${'0'.repeat(20)}`, role: 'tenant_admin' } })
  const become = async (role: string, from: string) => {
    await root().call('grantRole', { params: { person_id, role } })
    await root().call('takeRole', { params: { person_id, role: from } })
    await goTo('/quarantine')
  }
  await become('auditor', 'tenant_admin')
  await rows(page).filter({ hasText: 'of orders' }).click()
  await detail(page).getByText('1 row of orders waits').waitFor()
  for (const name of [/Replay/, /Would it/, /Ask for/, /Approve/, /Turn down/])
    assert.equal(await page.getByRole('main').getByRole('button', { name }).count(), 0, String(name))
  await become('viewer', 'auditor')
  await page.getByText('Your role in this tenant does not include this').waitFor()
  assert.equal(await rail(page).count(), 0)
  assert.deepEqual(
    visitor.complaints.filter((text) => !/status of 4\d\d/.test(text)),
    [],
  )
})
