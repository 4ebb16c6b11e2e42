// SPDX-License-Identifier: Apache-2.0
// From `sealwatch up` to a session, as a person comes to it: the link that it prints, in Debian's Chromium.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { chromium } from 'playwright-core'
import { followLink } from '../chromium.ts'
import { eventually, startPlatform, whyNot } from './platform.ts'

const executablePath = '/usr/bin/chromium'
const skip =
  whyNot() ?? (existsSync(executablePath) ? undefined : `${executablePath} is missing; tools/setup test installs it`)

type Line = {
  readonly metadata: { readonly event_code: string }
  readonly user?: { readonly uid: string }
}

describe('signing in on one machine', { skip }, () => {
  test('the link of `up` leads in, once; what the person does is in the ledger under an id alone', async () => {
    const platform = await startPlatform()
    try {
      const made = await platform.sealwatch('login', '--json')
      const { url } = JSON.parse(made.stdout) as { url: string }
      const browser = await chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu'] })
      const context = await browser.newContext()
      const page = await context.newPage()
      await page.goto(url)
      const origin = new URL(url).origin
      assert.match((await page.textContent('main')) ?? '', /Local operator: Cluster admin of the deployment/)
      assert.deepEqual(await context.cookies(origin), [], 'looking uses nothing up')
      await followLink(page, url)
      const cookies = await context.cookies(origin)
      const own = cookies.find(({ name }) => name === '__Host-sealwatch')
      assert.deepEqual([own?.secure, own?.httpOnly, own?.sameSite, own?.path], [true, true, 'Lax', '/'])
      const session = (await (await page.goto(`${origin}/api/v1/session`))?.json()) as {
        person: { person_id: string; name: string }
        tenants: string[]
        csrf_token: string
      }
      assert.deepEqual([session.person.name, session.tenants], ['Local operator', ['cluster', 'default']])

      const stranger = await browser.newContext()
      const closed = await stranger.newPage()
      assert.equal((await closed.goto(url))?.status(), 403, 'used up')
      assert.match((await closed.textContent('h1')) ?? '', /signs nobody in any more/)
      assert.match((await closed.textContent('body')) ?? '', /Access denied/)
      await closed.goto(`${origin}/auth/login`)
      assert.match((await closed.textContent('body')) ?? '', /sudo \.\/sealwatch login/)

      const told = await page.evaluate(async (token: string) => {
        const post = (headers: Record<string, string>) => fetch('/auth/logout', { method: 'POST', headers })
        return [(await post({})).status, (await post({ 'sealwatch-csrf': token })).status]
      }, session.csrf_token)
      assert.deepEqual(told, [403, 200])
      assert.equal((await page.goto(`${origin}/api/v1/session`))?.status(), 401)
      await browser.close()

      const events = await eventually('the log-out in the ledger', async () => {
        const { stdout } = await platform.sealwatch('events', '--tenant', 'cluster', '--json')
        const lines = stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Line)
        return lines.some(({ metadata }) => metadata.event_code === 'logout') ? lines : undefined
      })
      const of = (code: string) => events.filter(({ metadata }) => metadata.event_code === code)
      for (const code of ['person_created', 'login', 'logout'])
        assert.equal(of(code)[0]?.user?.uid, session.person.person_id, code)
      assert.equal(of('login_link_created').length, 2, 'one by up, one by login')
      const code = new URL(url).searchParams.get('code') ?? ''
      const files = await readdir(join(platform.data, 'log'))
      const logs = await Promise.all(files.map((name) => readFile(join(platform.data, 'log', name), 'utf8')))
      const said = logs.join('') + JSON.stringify(events)
      for (const secret of [code, own?.value ?? '', session.csrf_token, 'Local operator'])
        assert(secret !== '' && !said.includes(secret), secret)
    } finally {
      await platform.down()
    }
  })
})
