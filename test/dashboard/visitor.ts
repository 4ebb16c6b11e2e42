// SPDX-License-Identifier: Apache-2.0
// A whole server with the dashboard, and somebody in Chromium who has signed in.

import type { Clock } from '@sealwatch/base'
import type { BrowserContext, Page } from 'playwright-core'
import { startServer, type TestServer } from '../api/server.ts'
import { followLink, launchChromium } from '../chromium.ts'
import { builtDashboard } from './built.ts'

export type Visitor = AsyncDisposable & {
  readonly server: TestServer
  readonly context: BrowserContext
  readonly page: Page
  readonly personId: string
  /** What the browser complained about: broken policies of the page, errors, requests that failed. */
  readonly complaints: string[]
}

export const tenants = ['default', 'acme'] as const
const patienceMs = 60_000

/** In Chromium, as an administrator of `default`, `acme` and the cluster. */
export async function openVisitor(options: { readonly width?: number; readonly clock?: Clock } = {}): Promise<Visitor> {
  await using ends = new AsyncDisposableStack()
  const server = ends.use(await startServer({}, await builtDashboard(), options.clock && { clock: options.clock }))
  const browser = ends.adopt(await launchChromium(), (one) => one.close())
  const context = await browser.newContext({ viewport: { width: options.width ?? 1280, height: 800 } })
  const page = await context.newPage()
  page.setDefaultTimeout(patienceMs)
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', (error) => complaints.push(String(error)))

  const root = server.root('cluster')
  await root.call('createTenant', { body: { name: 'acme', title: 'Acme' } })
  const { url } = await root.call('openBreakGlass', { body: { name: 'Ada', reason: 'A test signs in', minutes: 60 } })
  await followLink(page, url)
  await page.getByRole('heading', { level: 1 }).waitFor()
  const { items } = await root.call('listPeople', { query: { limit: 100 } })
  const personId = items[0]?.person_id ?? ''
  for (const tenant of tenants)
    await server.root(tenant).call('grantRole', { params: { person_id: personId, role: 'tenant_admin' } })
  const kept = ends.move()
  return {
    server,
    context,
    page,
    personId,
    complaints,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

export async function switchTenant(page: Page, tenant: string): Promise<void> {
  await page.reload()
  await page.locator('.tenant').click()
  await page.getByRole('dialog').getByRole('button', { name: tenant }).first().click()
  await page.locator('.tenant').filter({ hasText: tenant }).waitFor()
}
