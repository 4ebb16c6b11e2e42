// SPDX-License-Identifier: Apache-2.0
// API-3: a list that is longer than a page has its rest at hand, and no list is cut without saying so.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noChromium } from '../chromium.ts'
import { findingsOf } from './axe.ts'
import { openVisitor, switchTenant } from './visitor.ts'

const pageSize = 100

test('more tenants than a page: the rest comes when asked for, and all can be picked', {
  skip: noChromium,
}, async () => {
  await using visitor = await openVisitor()
  const { page, server } = visitor
  const root = server.root('cluster')
  const { items: before } = await root.call('listTenants', { query: {} })
  const many = Array.from({ length: pageSize + 1 - before.length }, (_, i) => `of-many-${String(i).padStart(3, '0')}`)
  for (const name of many) await root.call('createTenant', { body: { name } })
  await switchTenant(page, 'cluster')
  await page.goto(`${server.url}/tenants`)
  const rows = page.locator('main tbody tr')
  await page.getByText(`${pageSize} are shown`).waitFor()
  assert.equal(await rows.count(), pageSize)
  assert.deepEqual(await findingsOf(page), [])
  await page.getByRole('button', { name: 'Show more' }).click()
  await page.getByText(`All ${pageSize + 1} are shown`).waitFor()
  assert.equal(await rows.count(), pageSize + 1)

  await page.goto(`${server.url}/people`)
  await page.getByRole('button', { name: 'Let a group stand for a role' }).click()
  await page.locator('#of option').nth(pageSize).waitFor({ state: 'attached' })
})
