// SPDX-License-Identifier: Apache-2.0
// DET-1, API-3: threats are told apart from false alarms, and these are excepted, in Chromium before a whole server.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { noChromium } from '../chromium.ts'
import { findingsOf } from './axe.ts'
import { openVisitor, switchTenant, type Visitor } from './visitor.ts'

const only = { skip: noChromium }
const attack = {
  method: 'GET',
  url: '/search?q=1%27%3B%20DROP%20TABLE%20users%3B%20--',
  address: '198.51.100.23',
  route: '/search',
}
let visitor: Visitor
if (noChromium === false) {
  before(async () => {
    visitor = await openVisitor()
    await switchTenant(visitor.page, 'default')
  })
  after(() => visitor[Symbol.asyncDispose]())
}

test(
  'DET-1 two false alarms of one kind are told in the alert, suggested as an exception, and excepted',
  only,
  async () => {
    const { page, server } = visitor
    const root = server.root('default')
    for (let n = 0; n < 2; n += 1) {
      const { ledger } = await root.call('analyzeThreat', { body: { request_context: attack } })
      await page.goto(`${server.url}/events?leaf=${ledger?.leaf_index}`)
      await page.getByRole('article').getByRole('button', { name: 'False alarm', exact: true }).click()
      await page.getByText('It was a false alarm').waitFor()
    }
    await page.goto(`${server.url}/requests`)
    await page.getByText('Nothing is blocked').waitFor()
    assert.deepEqual(await findingsOf(page), [])
    const suggested = page.getByRole('region', { name: 'Suggested exceptions' })
    await suggested.getByRole('button', { name: 'Except rules:7000110 at /search' }).click()
    await page.getByRole('button', { name: 'Remove rules:7000110 at /search' }).waitFor()
    await suggested.getByRole('button', { name: 'Except rules:7000110 at /search' }).waitFor({ state: 'detached' })
    const { items } = await root.call('listThreatExceptions')
    assert.deepEqual(
      items.map(({ id, route, where, method }) => [id, route, where, method]),
      [['7000110', '/search', 'ARGS_GET:q', 'GET']],
    )
  },
)

test(
  'DET-3 an alert says why the request is a threat, and what is none is excepted there, with owner and end',
  only,
  async () => {
    const { page, server, personId } = visitor
    const root = server.root('default')
    const context = { ...attack, url: attack.url.replace('search', 'books'), route: '/books' }
    const { ledger } = await root.call('analyzeThreat', { body: { request_context: context } })
    await page.goto(`${server.url}/live`)
    await page.getByRole('button', { name: 'GET /books, score' }).first().click()
    const why = page.getByRole('region', { name: 'Why it is a threat' })
    await why.getByText('sql injection').waitFor()
    await why.getByText('the ledger is not told who sends requests').waitFor()
    await why.getByRole('cell', { name: 'ARGS_GET:q' }).first().waitFor()
    assert.deepEqual(await findingsOf(page), [])
    assert.match(page.url(), new RegExp(`leaf=${ledger?.leaf_index}$`))
    await why.getByRole('button', { name: 'Except rules:7000110' }).first().click()
    const dialog = page.getByRole('dialog', { name: 'New exception' })
    assert.equal(await dialog.getByLabel('Route').inputValue(), '/books')
    assert.equal(await dialog.getByLabel('Method').inputValue(), 'GET')
    assert.equal(await dialog.getByLabel('Where').inputValue(), 'ARGS_GET:q')
    await dialog.getByText('you as its owner').waitFor()
    await dialog.getByLabel('For').selectOption('7')
    await dialog.getByLabel('Because').fill('people search for SQL')
    assert.deepEqual(await findingsOf(page), [])
    await dialog.getByRole('button', { name: 'Make the exception' }).click()
    await dialog.waitFor({ state: 'detached' })
    const { items } = await root.call('listThreatExceptions')
    const made = items.find(({ route }) => route === '/books')
    assert.deepEqual(
      [made?.detector, made?.id, made?.method, made?.where, made?.owner],
      ['rules', '7000110', 'GET', 'ARGS_GET:q', `person:${personId}`],
    )
    const daysLeft = (Date.parse(made?.expires_at ?? '') - Date.parse(made?.created_at ?? '')) / 86_400_000
    assert.equal(Math.round(daysLeft), 7)
    await page.goto(`${server.url}/requests`)
    await page
      .getByRole('row', { name: /\/books/ })
      .getByText(`person:${personId}`)
      .waitFor()
  },
)

test(
  'DET-1 what is blocked is changed once it was shown what that comes to on the tenant’s own requests',
  only,
  async () => {
    const { page, server } = visitor
    const root = server.root('default')
    await page.goto(`${server.url}/requests`)
    await page.getByRole('button', { name: 'Change what is blocked' }).click()
    const dialog = page.getByRole('dialog', { name: 'Change what is blocked' })
    await dialog.getByLabel('Mode').selectOption('block')
    await dialog.getByLabel('Blocked from').fill('40')
    await dialog.getByText('Scores from 1 to 100 that rise').waitFor()
    await dialog.getByLabel('Because').fill('two weeks without a false alarm')
    const look = dialog.getByRole('button', { name: 'Look what it changes' })
    assert.equal(await look.isDisabled(), true)
    await dialog.getByLabel('Blocked from').fill('95')
    await look.click()
    const [, now, then = ''] = await dialog
      .getByRole('row', { name: /^Blocked/ })
      .getByRole('cell')
      .allInnerTexts()
    assert.equal(now, '0')
    assert.match(then, /^[1-9]\d* \(\d+\.\d\d %\)$/)
    assert.equal((await root.call('getThreatSettings')).mode, 'observe', 'a look changes nothing')
    assert.deepEqual(await findingsOf(page), [])
    await dialog.getByRole('button', { name: 'Change it' }).click()
    await page.getByText('Attacks are blocked.').waitFor()
    const { mode, thresholds, reason } = await root.call('getThreatSettings')
    assert.deepEqual(
      [mode, thresholds, reason],
      ['block', { observe: 50, challenge: 75, block: 95 }, 'two weeks without a false alarm'],
    )
  },
)

test('DET-1 an exception is made by hand, and removed', only, async () => {
  const { page, server } = visitor
  await page.goto(`${server.url}/requests`)
  await page.getByRole('button', { name: 'New exception' }).click()
  await page.getByLabel('Which').fill('double-encoded')
  await page.getByLabel('From').selectOption('signals')
  await page.getByLabel('Route').fill('/files/**')
  await page.getByLabel('Because').fill('names of files')
  await page.getByRole('button', { name: 'Make the exception' }).click()
  await page.getByRole('button', { name: 'Remove signals:double-encoded at /files/**' }).click()
  await page.getByRole('button', { name: 'Remove signals:double-encoded at /files/**' }).waitFor({ state: 'detached' })
  const { items } = await server.root('default').call('listThreatExceptions')
  assert.ok(!items.some(({ detector }) => detector === 'signals'))
})
