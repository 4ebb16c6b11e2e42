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
