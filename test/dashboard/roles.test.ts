// SPDX-License-Identifier: Apache-2.0
// POL-3, API-3: what the dashboard offers is what the role may.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { noChromium } from '../chromium.ts'
import { findingsOf } from './axe.ts'
import { firing, startHost } from './host.ts'
import { openVisitor, switchTenant, type Visitor } from './visitor.ts'

const only = { skip: noChromium }
let visitor: Visitor
const denied: string[] = []
if (noChromium === false) {
  before(async () => {
    visitor = await openVisitor()
    const { page, server } = visitor
    const host = await startHost(server, { name: 'web-1', events: [firing('shadow-read')] })
    await host.finish(10_000)
    await host.stop()
    await asRoot('putRole', { params: { name: 'watch' }, body: { actions: ['host:list'] } })
    await asRoot('createToken', { body: { name: 'ci', actions: ['event:list'], ttl_seconds: 600 } })
    await asRoot('addGroupRole', { params: { tenant_name: 'default' }, body: { group: 'soc', role: 'viewer' } })
    const text = { name: 'Shadow', type: 'file', enabled: false, rules: [] }
    await asRoot('putPolicy', { params: { id: 'shadow' }, body: { policy: text }, headers: { 'if-none-match': '*' } })
    await switchTenant(page, 'default')
    // What was asked before, of the tenant before, may be refused after the switch.
    await page.reload()
    await page.locator('.rail nav a').first().waitFor()
    await page.getByRole('heading', { level: 1 }).waitFor()
    page.on('response', (response) => {
      if (response.status() === 403) denied.push(`${response.request().method()} ${response.url()}`)
    })
  })
  after(() => visitor[Symbol.asyncDispose]())
}

const asRoot: ReturnType<Visitor['server']['root']>['call'] = (name, ...input) =>
  visitor.server.root('default').call(name, ...input)

/** From now on this role alone, in the tenant `default`. */
async function become(role: string): Promise<Page> {
  const { page, personId: person_id } = visitor
  await asRoot('grantRole', { params: { person_id, role } })
  const { items } = await asRoot('listMembers')
  for (const held of items.filter((one) => one.person_id === person_id && one.role !== role))
    await asRoot('takeRole', { params: { person_id, role: held.role } })
  denied.length = 0
  await page.reload()
  await page.getByRole('heading', { level: 1 }).waitFor()
  return page
}

const pagesOf = async (page: Page) =>
  (await page.evaluate("[...document.querySelectorAll('.rail nav a')].map((link) => link.pathname)")) as string[]

/** Everything that can be pressed on each page that is offered; nothing of it was asked for in vain. */
async function offered(page: Page): Promise<Set<string>> {
  const names = new Set<string>()
  for (const path of await pagesOf(page)) {
    await page.locator(`.rail nav a[href="${path}"]`).click()
    await page.locator('.page').waitFor()
    await page.locator('.bones').first().waitFor({ state: 'detached' })
    for (const text of await page.locator('main button:visible').allInnerTexts()) names.add(text.trim())
    assert.deepEqual(await findingsOf(page), [], path)
  }
  assert.deepEqual(denied, [])
  return names
}

const writes = [
  'Invite a host',
  'Revoke',
  'New policy',
  'Invite',
  'Grant a role',
  'Take',
  'New role',
  'New token',
  'New channel',
  'New exception',
  'Change what is blocked',
]

test('an admin is offered all of it', only, async () => {
  const { page } = visitor
  const names = await offered(page)
  assert.deepEqual(
    writes.filter((name) => !names.has(name)),
    [],
  )
})

test('a viewer sees what happens, and is offered nothing that would be refused', only, async () => {
  // Somebody administers the tenant still.
  await asRoot('grantRole', { params: { person_id: `usr_${'0'.repeat(20)}`, role: 'tenant_admin' } })
  const page = await become('viewer')
  assert.deepEqual(await pagesOf(page), [
    '/live',
    '/incidents',
    '/events',
    '/hosts',
    '/policies',
    '/requests',
    '/ledger',
    '/sessions',
  ])
  const names = await offered(page)
  assert.deepEqual(
    writes.filter((name) => names.has(name)),
    [],
  )
  await page.goto(`${visitor.server.url}/live`)
  await page.locator('[data-row]').first().click()
  const detail = page.getByRole('article')
  await detail.getByText('from the line to the root').waitFor()
  assert.equal(await detail.getByRole('button', { name: /Save as a bundle|Reveal/ }).count(), 0)
  await page.goto(`${visitor.server.url}/policies?id=shadow`)
  assert.equal(await page.getByLabel('The policy shadow, as JSON').getAttribute('readonly'), '')
  assert.deepEqual(await page.getByRole('tab').allInnerTexts(), ['Problems', 'History'])
  await page.goto(`${visitor.server.url}/people`)
  await page.getByText('Your role in this tenant does not include this').waitFor()
  assert.deepEqual(denied, [])
})

test('an auditor sees who may what and who did what, and changes nothing', only, async () => {
  const page = await become('auditor')
  const pages = await pagesOf(page)
  assert.ok(
    ['/audit', '/people', '/roles', '/tokens'].every((path) => pages.includes(path)),
    pages.join(),
  )
  assert.ok(!pages.includes('/tenants'))
  const names = await offered(page)
  assert.deepEqual(
    writes.filter((name) => names.has(name)),
    [],
  )
  await page.goto(`${visitor.server.url}/live`)
  await page.locator('[data-row]').first().click()
  await page.getByRole('button', { name: /Save as a bundle/ }).waitFor()
})

test('what is taken while somebody looks is gone with the next thing they try', only, async () => {
  const page = await become('tenant_admin')
  await page.goto(`${visitor.server.url}/tokens`)
  await page.getByRole('button', { name: 'Revoke ci' }).waitFor()
  const { personId: person_id } = visitor
  await asRoot('grantRole', { params: { person_id, role: 'viewer' } })
  await asRoot('takeRole', { params: { person_id, role: 'tenant_admin' } })
  await page.getByRole('button', { name: 'Revoke ci' }).click()
  await page.getByText('Your role in this tenant does not include this').waitFor()
  await page.getByRole('link', { name: 'API tokens' }).waitFor({ state: 'detached' })
  const { items } = await asRoot('listTokens')
  assert.deepEqual(
    items.map(({ revoked_at }) => revoked_at),
    [null],
  )
})
