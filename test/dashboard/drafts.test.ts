// SPDX-License-Identifier: Apache-2.0
// API-3, POL-1: what somebody writes and has not saved outlives their session, for them alone.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { followLink, noChromium } from '../chromium.ts'
import { findingsOf } from './axe.ts'
import { openVisitor, switchTenant } from './visitor.ts'

const policy = (name: string) =>
  JSON.stringify({
    ...{ type: 'file', name, enabled: false },
    rules: [{ id: 'a', paths: ['/etc/shadow'], may: [{ executables: ['/usr/bin/passwd'] }] }],
  })
const path = '/policies?id=shared'
const sourceOf = (page: Page) => page.getByLabel('The policy shared, as JSON')
const wordOf = (page: Page) => page.getByText(/^What you had not saved is here again/)
const draftsIn = (page: Page) =>
  page.evaluate("Object.keys(sessionStorage).filter((name) => name.startsWith('sealwatch-draft')).length")

test('a text outlives the session of its writer, and never overwrites what came meanwhile', {
  skip: noChromium,
}, async () => {
  await using visitor = await openVisitor()
  const { page, server, context, complaints } = visitor
  for (const tenant of ['default', 'acme'])
    await server.root(tenant).call('putPolicy', { params: { id: 'shared' }, body: { policy: policy('First') } })
  const open = async () => {
    await page.goto(server.url + path)
    await sourceOf(page).waitFor()
    return sourceOf(page).inputValue()
  }
  const write = async (from: string, to: string) =>
    sourceOf(page).fill((await sourceOf(page).inputValue()).replace(from, to))
  /** As when it ends elsewhere: the browser has nothing to show any more. What it returns gives it back. */
  async function endSession() {
    const held = await context.cookies()
    await context.clearCookies()
    // A refresh of the page may have found out before: then there is nothing left to press.
    await page.getByRole('button', { name: 'Save' }).evaluateAll((buttons) => {
      for (const button of buttons) (button as unknown as { click(): void }).click()
    })
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    return () => context.addCookies(held)
  }
  await switchTenant(page, 'default')

  const first = await open()
  await write('First', 'Mine')
  const signIn = await endSession()
  await server.root('default').call('putPolicy', { params: { id: 'shared' }, body: { policy: policy('Theirs') } })
  await signIn()
  assert.equal(await open(), first.replace('First', 'Mine'))
  await wordOf(page).waitFor()
  await page.getByText('Somebody has saved another version since').waitFor()
  assert.deepEqual(await findingsOf(page), [])
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('button', { name: /^Give mine up/ }).click()
  await page.waitForFunction('document.querySelector("textarea").value.includes("Theirs")')
  await wordOf(page).waitFor({ state: 'detached' })
  assert.equal(await draftsIn(page), 0)

  await write('Theirs', 'Ours')
  await (await endSession())()
  assert.match(await open(), /Ours/)
  await page.getByRole('button', { name: 'Discard it' }).click()
  assert.match(await sourceOf(page).inputValue(), /Theirs/)
  assert.equal(await draftsIn(page), 0)

  await write('Theirs', 'Ours')
  await (await endSession())()
  await open()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('shared saved and signed').waitFor()
  assert.match(await open(), /Ours/)
  assert.equal(await wordOf(page).count(), 0)
  assert.equal(await draftsIn(page), 0)

  await write('Ours', 'Left')
  await page.getByRole('link', { name: 'Hosts' }).click()
  await page.getByRole('button', { name: 'Leave' }).click()
  await page.getByRole('heading', { name: 'Hosts', level: 1 }).waitFor()
  assert.equal(await draftsIn(page), 0)

  await open()
  await write('Ours', 'Secret')
  const back = await endSession()
  await back()
  await page.goto(server.url)
  await switchTenant(page, 'acme')
  assert.match(await open(), /First/)
  assert.equal(await wordOf(page).count(), 0)
  await switchTenant(page, 'default')
  assert.match(await open(), /Secret/)
  await endSession()
  const who = { name: 'Bob', reason: 'Another in the same tab', minutes: 60 }
  const { url } = await server.root('cluster').call('openBreakGlass', { body: who })
  await followLink(page, url)
  await page.locator('.rail').waitFor()
  await page.waitForFunction("!Object.keys(sessionStorage).some((name) => name.startsWith('sealwatch-draft'))")
  // The page of whoever was there before may still ask, in the name of who comes, until his own is there.
  const expected = /40[19]|412|403 .*\/api\/v1\/break-glass$/
  assert.deepEqual(
    complaints.filter((told) => !expected.test(told)),
    [],
  )
})
