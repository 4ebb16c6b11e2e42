// SPDX-License-Identifier: Apache-2.0
// API-3: what is the deployment's own: everybody in it, and access in an emergency.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { followLink, noChromium } from '../chromium.ts'
import { findingsOf } from './axe.ts'
import { openVisitor, switchTenant, type Visitor } from './visitor.ts'

const only = { skip: noChromium }
let visitor: Visitor
if (noChromium === false) {
  before(async () => {
    visitor = await openVisitor()
    await switchTenant(visitor.page, 'cluster')
  })
  after(() => visitor[Symbol.asyncDispose]())
}

const goTo = async (name: string) => {
  const { page } = visitor
  await page.setViewportSize({ width: 1280, height: 800 })
  await page.getByRole('navigation').getByRole('link', { name }).click()
  await page.getByRole('heading', { name, level: 1 }).waitFor()
  return page
}
const everyWidth = async () => {
  for (const width of [1280, 768, 360]) {
    await visitor.page.setViewportSize({ width, height: 800 })
    assert.deepEqual(await findingsOf(visitor.page), [], String(width))
  }
  await visitor.page.setViewportSize({ width: 1280, height: 800 })
}

test(
  'whoever came is listed with what they hold; disabled, their sessions are over; forgotten, they are an id',
  only,
  async () => {
    const { server, context } = visitor
    const root = server.root('cluster')
    const { url } = await root.call('openBreakGlass', { body: { name: 'Bob', reason: 'A test signs in', minutes: 60 } })
    const fresh = await context.browser()?.newContext()
    assert.ok(fresh !== undefined)
    const his = await fresh.newPage()
    await followLink(his, url)
    await his.getByRole('heading', { level: 1 }).waitFor()
    const statusOfHis = async () => (await fresh.request.get(`${server.url}/api/v1/session`)).status()
    assert.equal(await statusOfHis(), 200)

    const page = await goTo('Accounts')
    const hers = page.getByRole('row').filter({ hasText: '(you)' })
    await hers.getByText('acme Tenant admin').waitFor()
    assert.equal(await hers.getByRole('button').count(), 0)
    await page.getByRole('button', { name: 'Sign out everywhere: Bob' }).click()
    await everyWidth()
    await page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }).click()
    await page.getByText('Bob is signed out everywhere').waitFor()
    assert.equal(await statusOfHis(), 401)
    await page.getByRole('button', { name: 'Disable Bob' }).click()
    await everyWidth()
    await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click()
    const bob = page.getByRole('row').filter({ hasText: 'Bob' })
    await bob.getByText('disabled').waitFor()
    await everyWidth()
    assert.equal(await statusOfHis(), 401)

    await page.getByRole('button', { name: 'Enable Bob' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Enable' }).click()
    await bob.getByText('disabled').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Forget Bob' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Forget' }).click()
    await bob.waitFor({ state: 'detached' })
    const { items } = await root.call('listPeople', { query: { limit: 100 } })
    assert.deepEqual(items.map(({ name, grants }) => [name, grants.length]).sort(), [
      ['', 0],
      ['Ada', 3],
    ])
    await fresh.close()
  },
)

test(
  'break-glass access is marked wherever one is, until another than who came by it says that it is explained',
  only,
  async () => {
    const { server, page } = visitor
    const body = { name: 'Carol', reason: 'The provider is down', minutes: 5 }
    const { id } = await server.root('cluster').call('openBreakGlass', { body })
    await goTo('Break-glass')
    await page.getByRole('button', { name: `Acknowledge ${id}` }).waitFor()
    await everyWidth()
    const waiting = page.locator('.rail .count')
    assert.match((await waiting.textContent()) ?? '', /^3/)
    await page.getByText('somebody else has to acknowledge yours').waitFor()
    await page.getByRole('button', { name: `Acknowledge ${id}` }).click()
    await page.getByText('The provider is down').waitFor({ state: 'detached' })
    await waiting.filter({ hasText: /^2/ }).waitFor()
  },
)

test('a new tenant says that it has no admin, and gets one by name: somebody else than oneself', only, async () => {
  const { server, context } = visitor
  const root = server.root('cluster')
  const { url } = await root.call('openBreakGlass', { body: { name: 'Dora', reason: 'A test signs in', minutes: 60 } })
  const fresh = await context.browser()?.newContext()
  assert.ok(fresh !== undefined)
  const hers = await fresh.newPage()
  await followLink(hers, url)
  await hers.getByRole('heading', { level: 1 }).waitFor()
  await fresh.close()

  const page = await goTo('Tenants')
  await page.getByRole('button', { name: 'New tenant' }).click()
  await page.getByLabel('Name').fill('globex')
  await page.getByRole('button', { name: 'Create' }).click()
  await page.getByRole('button', { name: 'Later' }).click()
  const row = page.getByRole('row').filter({ hasText: 'globex' })
  await row.getByText('no admin yet').waitFor()
  await everyWidth()
  await row.getByRole('button', { name: 'Appoint' }).click()
  const dialog = page.getByRole('dialog')
  const person = dialog.getByLabel('Person')
  await person.getByRole('option', { name: 'Dora' }).waitFor({ state: 'attached' })
  assert(!(await person.getByRole('option').allTextContents()).some((name) => name.startsWith('Ada')))
  await everyWidth()
  await person.selectOption('Dora')
  await dialog.getByRole('button', { name: 'Appoint' }).click()
  await page.getByText('globex has its first admin').waitFor()
  await row.getByText('no admin yet').waitFor({ state: 'detached' })
  const { items } = await server.root('globex').call('listMembers')
  assert.deepEqual(
    items.map(({ name, role }) => [name, role]),
    [['Dora', 'tenant_admin']],
  )
})

test('a role is granted to people by name, and to somebody of elsewhere by their id', only, async () => {
  const { server } = visitor
  const { items } = await server.root('cluster').call('listPeople', { query: { limit: 100 } })
  const dora = items.find(({ name }) => name === 'Dora')?.person_id ?? ''
  const page = await goTo('People')
  for (const [role, other] of [
    ['viewer', 'Dora'],
    ['auditor', 'Somebody else, by their id'],
  ] as const) {
    await page.getByRole('button', { name: 'Grant a role' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Person').selectOption(other)
    if (other !== 'Dora') await dialog.getByLabel('Their id').fill(dora)
    await dialog.getByLabel('Role').selectOption(role)
    await everyWidth()
    await dialog.getByRole('button', { name: 'Grant', exact: true }).click()
    await dialog.waitFor({ state: 'detached' })
  }
  const held = (await server.root('cluster').call('listMembers')).items.filter(({ person_id }) => person_id === dora)
  assert.deepEqual(held.map(({ role }) => role).toSorted(), ['auditor', 'cluster_admin', 'viewer'])
})

test('who acted is told by name where one may see names, beside the id that the ledger has', only, async () => {
  const page = await goTo('Audit')
  const act = page.getByRole('listitem').filter({ hasText: visitor.personId }).filter({ hasText: 'Ada' }).first()
  await act.getByRole('button').click()
  const detail = page.getByRole('article', { name: /^Line / })
  await detail.getByText('By', { exact: true }).waitFor()
  await detail.getByText(`person:${visitor.personId}`, { exact: true }).waitFor()
  await everyWidth()
})

test('an invitation is seen until somebody comes by it, and withdrawn', only, async () => {
  const page = await goTo('People')
  await page.getByRole('button', { name: 'Invite' }).click()
  await page.getByLabel('Name').fill('Grace')
  await page.getByLabel('Role').selectOption('cluster_admin')
  await page.getByRole('button', { name: 'Make the link' }).click()
  await page.locator('.secret').waitFor()
  await page.getByRole('button', { name: 'Done' }).click()
  await page.getByRole('heading', { name: 'Invited, not come yet' }).waitFor()
  await everyWidth()
  await page.getByRole('button', { name: 'Withdraw the link for Grace' }).click()
  await page.getByText('The link for Grace works no more').waitFor()
  await page.getByRole('heading', { name: 'Invited, not come yet' }).waitFor({ state: 'detached' })
  assert.deepEqual((await visitor.server.root('cluster').call('listInvitations')).items, [])
})
