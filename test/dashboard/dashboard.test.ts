// SPDX-License-Identifier: Apache-2.0
// API-3: the dashboard in Chromium, before a whole server.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { places } from '../../apps/dashboard/src/model/places.ts'
import { noChromium } from '../chromium.ts'
import { findingsOf } from './axe.ts'
import { firing, startHost } from './host.ts'
import { openVisitor, switchTenant, type Visitor } from './visitor.ts'

const only = { skip: noChromium }
let visitor: Visitor
if (noChromium === false) {
  before(async () => {
    visitor = await openVisitor()
    await switchTenant(visitor.page, 'default')
  })
  after(() => visitor[Symbol.asyncDispose]())
}

async function goTo(path: string) {
  const { page, server } = visitor
  await page.setViewportSize({ width: 1280, height: 800 })
  await page.goto(server.url + path)
  await page.getByRole('heading', { level: 1 }).waitFor()
  await page.locator('.bones').first().waitFor({ state: 'detached' })
  return page
}

test(
  'every page, light and dark, wide and at 360 pixels: nobody is kept out, and nothing sticks out',
  only,
  async (t) => {
    for (const { path, name } of places)
      await t.test(name, async () => {
        const page = await goTo(path)
        for (const width of [1280, 360])
          for (const colorScheme of ['light', 'dark'] as const) {
            await page.setViewportSize({ width, height: 800 })
            await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
            assert.deepEqual(await findingsOf(page), [], `${path}, ${width}, ${colorScheme}`)
            const widest = 'Math.max(document.documentElement.scrollWidth, document.querySelector("main").scrollWidth)'
            const most = Number(await page.evaluate(widest))
            assert.ok(most <= width, `${path} is ${most} wide where there are ${width}`)
          }
      })
  },
)

test(
  'RIM-2 an attempt comes as one incident: who, from where, what was reached, what was done, and the way to the proof of each line',
  only,
  async () => {
    const page = await goTo('/incidents')
    const told = ['incident-opened', 'incident-updated', 'killed', 'incident-closed'].map((name) =>
      JSON.parse(readFileSync(join(import.meta.dirname, `../../vectors/events/guard-${name}.json`), 'utf8')),
    )
    await visitor.server
      .root('default')
      .call('setHostGroupConfig', { params: { group: 'web' }, body: { config: {}, cause: 'x' } })
    const until = new Date(Date.now() + 3_600_000).toISOString()
    const lets = { group: 'web', exe: '/usr/bin/gdb', until, cause: 'a crash' }
    await visitor.server.root('default').call('giveAllowance', { body: lets })
    const host = await startHost(visitor.server, { name: 'keys-1', events: told })
    try {
      await page.getByRole('button', { name: '/tmp/renamed reached for vault' }).click()
      const detail = page.getByRole('article')
      await detail.locator('.tree .acted').getByText('/tmp/renamed').waitFor()
      await detail.locator('.tree .target').getByText('/usr/sbin/keyservice').waitFor()
      await detail.getByText('kill done').first().waitFor()
      for (const [width, colorScheme] of [
        [1280, 'light'],
        [360, 'dark'],
      ] as const) {
        await page.setViewportSize({ width, height: 800 })
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        assert.deepEqual(await findingsOf(page), [], `${width}, ${colorScheme}`)
        assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth')) <= width)
      }
      await page.setViewportSize({ width: 1280, height: 800 })
      await detail
        .getByRole('listitem')
        .getByRole('link', { name: /^line \d+/ })
        .last()
        .click()
      await page.getByRole('article').getByText('from the line to the root').waitFor()
      await page.goto(`${visitor.server.url}/incidents`)
      await page.getByText('/usr/bin/gdb').waitFor()
      await page.getByRole('button', { name: 'End', exact: true }).click()
      await page.getByText('/usr/bin/gdb').waitFor({ state: 'detached' })
    } finally {
      await host.stop()
    }
  },
)

test(
  'what a host seals comes as an alert: why it fired, where it came from, and a proof computed in the browser',
  only,
  async () => {
    const page = await goTo('/live')
    const { server } = visitor
    const host = await startHost(server, { name: 'web-1', events: [firing('shadow-read'), firing('memfd-exec')] })
    try {
      const row = page.getByRole('button', { name: /Password hashes read/ })
      await row.waitFor()
      await row.focus()
      await page.keyboard.press('Enter')
      const detail = page.getByRole('article')
      await detail.getByText('Why it fired').waitFor()
      await detail.getByText('T1003.008').first().waitFor()
      await detail.locator('.tree .acted').getByText('/usr/bin/cat').waitFor()
      await detail.locator('.tree .target').getByText('/etc/shadow').waitFor()
      await detail.getByText('from the line to the root').waitFor()
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        assert.deepEqual(await findingsOf(page), [], colorScheme)
      }
      await detail.getByRole('link', { name: /rests on line/ }).click()
      await page.getByRole('heading', { name: 'Events', level: 1 }).waitFor()
      await page.getByRole('article').getByText('Sealed by').waitFor()
      const [saved] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: /Save as a bundle/ }).click(),
      ])
      assert.match(readFileSync(await saved.path(), 'utf8'), /\/etc\/shadow/)
    } finally {
      await host.stop()
    }
  },
)

test(
  'AGT-1 lines that changed in a file are read as a diff once they are revealed, and nothing in them acts',
  only,
  async () => {
    const page = await goTo('/events')
    const { server } = visitor
    const sample = firing('root-account-added') as unknown as { unmapped: object }
    const diff = '@@ -2,1 +2,2 @@\n-old\x1b[2J\n+toor:x:0:0::/:/bin/sh\n+<img src=x onerror=alert(1)>\u202e'
    const event = { ...sample, unmapped: { ...sample.unmapped, diff } } as unknown as Record<string, never>
    const host = await startHost(server, { name: 'web-4', personalPointers: ['/event/unmapped/diff'], events: [event] })
    try {
      await page
        .getByRole('button', { name: /passwd.*web-4|web-4.*passwd/s })
        // Below the alert that it became.
        .last()
        .click()
      const detail = page.getByRole('article')
      await detail.getByText('They are personal').waitFor()
      await detail.getByRole('button', { name: 'Reveal personal values' }).click()
      await detail.locator('.difference li').first().waitFor()
      assert.deepEqual(await detail.locator('.difference li').allInnerTexts(), [
        '-\nremoved:\nold\\x1b[2J',
        '+\nadded:\ntoor:x:0:0::/:/bin/sh',
        '+\nadded:\n<img src=x onerror=alert(1)>\\u{202e}',
      ])
      assert.equal(await detail.locator('.difference img').count(), 0)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        assert.deepEqual(await findingsOf(page), [], colorScheme)
      }
    } finally {
      await host.stop()
    }
  },
)

test('the feed tells that something came, and the list has it', only, async () => {
  const { page, server } = visitor
  const heard: string[] = []
  page.on('websocket', (socket) => {
    heard.push(socket.url())
    socket.on('framereceived', ({ payload }) => heard.push(String(payload).slice(0, 40)))
  })
  await goTo('/live')
  await page.locator('.seal .feed').filter({ hasText: 'live' }).waitFor()
  const before = await page.locator('[data-row]').count()
  const host = await startHost(server, { name: 'web-2', events: [firing('proc-mem-write')] })
  try {
    await page.getByRole('button', { name: /web-2/ }).waitFor()
    assert.equal(await page.locator('[data-row]').count(), before + 1)
    assert.ok(
      heard.some((frame) => frame.startsWith('{"type":"alert"')),
      heard.join(' '),
    )
  } finally {
    await host.stop()
  }
})

test('a filter says what can stand where, and what is wrong, before it is asked for', only, async () => {
  const page = await goTo('/events')
  await page.keyboard.press('/')
  await page.keyboard.type('sev')
  await page.getByRole('option', { name: 'severity' }).waitFor()
  assert.deepEqual(await findingsOf(page), [])
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.keyboard.type('>=hihg')
  await page.getByText('did you mean high?').waitFor()
  for (let taken = 0; taken < 3; taken += 1) await page.keyboard.press('Backspace')
  await page.keyboard.type('igh and class=finding')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Enter')
  await page.waitForURL(/filter=severity/)
  await page.locator('[data-row]').first().waitFor()
  for (const text of await page.locator('[data-row] .only-read').allTextContents())
    assert.match(text, /High|Critical|root checkpoint|storage|tenant/)
})

test(
  'a policy with a typo: the place, the rule and what was meant; then what it would have done, and its history',
  only,
  async () => {
    const page = await goTo('/policies')
    await page.getByRole('button', { name: 'New policy' }).click()
    await page.getByLabel('Id').fill('shadow')
    await page.getByRole('button', { name: 'Write it' }).click()
    const source = page.getByLabel('The policy shadow, as JSON')
    const text = await source.inputValue()
    await source.fill(text.replace('"paths"', '"pahts"'))
    await page.getByText('Did you mean "paths"?').waitFor()
    assert.ok(await page.getByRole('button', { name: 'Save' }).isDisabled())
    assert.deepEqual(await findingsOf(page), [])
    // Whether the unit is allowed to, nobody told.
    const decided = text.replace(/,\s*\{\s*"users": \[\s*"root"\s*\],\s*"units"[^}]*\}/, '')
    await source.fill(decided.replace('"enabled": false', '"enabled": true'))
    await page.getByText('Nothing is wrong with it').waitFor()
    await page.getByRole('tab', { name: 'Dry run' }).click()
    await page.getByRole('button', { name: 'Try it' }).click()
    await page.getByText('It would have fired').waitFor()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('shadow saved and signed').waitFor()
    await page.getByRole('tab', { name: 'History' }).click()
    await page.getByText('Version 1').waitFor()
    await page.getByRole('button', { name: 'What changed' }).click()
    await page.locator('.difference li').first().waitFor()
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 800 })
      assert.deepEqual(await findingsOf(page), [], String(width))
    }
    const { items } = await visitor.server.root('default').call('listPolicies', {})
    assert.deepEqual(
      items.map(({ id }) => id),
      ['shadow'],
    )
  },
)

test('a host is seen with its certificate, and is revoked for good', only, async () => {
  const host = await startHost(visitor.server, { name: 'db-1', events: [firing('ptrace-attach')] })
  await host.finish(10_000)
  await host.stop()
  const page = await goTo('/hosts')
  const card = page.locator('.host').filter({ hasText: 'db-1' })
  await card.getByText('Certificate ends').waitFor()
  assert.deepEqual(await findingsOf(page), [])
  await card.getByRole('button', { name: 'Revoke db-1' }).click()
  await page.getByLabel('Why').fill('replaced by another')
  await page.getByRole('button', { name: 'Revoke for good' }).click()
  await card.getByText(/^revoked/).waitFor()
})

test('a tenant is created in the cluster, and acts there are nobody else’s', only, async () => {
  const page = await goTo('/tenants')
  await page.getByText('This belongs to the deployment').waitFor()
  await switchTenant(page, 'cluster')
  await page.getByRole('button', { name: 'New tenant' }).click()
  await page.getByLabel('Name').fill('umbrella')
  await page.getByRole('button', { name: 'Create' }).click()
  await page.getByText(`member invite 'Their name' tenant_admin --tenant umbrella`).waitFor()
  await page.getByText('Nobody else has signed in').waitFor()
  assert.deepEqual(await findingsOf(page), [])
  await page.getByRole('button', { name: 'Later' }).click()
  await page.getByRole('cell', { name: 'umbrella' }).first().waitFor()
  await page.getByRole('button', { name: 'Suspend umbrella' }).click()
  await page.getByText('suspended', { exact: true }).waitFor()
  assert.deepEqual(await findingsOf(page), [])
  await switchTenant(page, 'default')
})

test('by keys alone: to the roles, a new one, and it is there', only, async () => {
  const page = await goTo('/people')
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
  assert.deepEqual(await findingsOf(page), [])
  await page.keyboard.press('Escape')
  await page.keyboard.press('g')
  await page.keyboard.press('r')
  await page.getByRole('heading', { name: 'Roles', level: 1 }).waitFor()
  await page.getByRole('button', { name: 'New role' }).waitFor()
  for (
    let steps = 0;
    steps < 20 && (await page.evaluate('document.activeElement.textContent')) !== 'New role';
    steps += 1
  )
    await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog', { name: 'New role' }).waitFor()
  await page.getByLabel('Name').focus()
  await page.keyboard.type('night-watch')
  await page.getByRole('checkbox').first().focus()
  await page.keyboard.press('Space')
  assert.deepEqual(await findingsOf(page), [])
  await page.getByRole('button', { name: /^Save/ }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'night-watch' }).waitFor()
  const { items } = await visitor.server.root('default').call('listRoles')
  assert.ok(items.some(({ name }) => name.endsWith('night-watch')))
})

test('a token is shown once, works, and does not once it is revoked', only, async () => {
  const page = await goTo('/tokens')
  await page.getByRole('button', { name: 'New token' }).click()
  await page.getByLabel('Name').fill('nightly')
  await page.getByRole('checkbox', { name: 'list' }).first().waitFor()
  await page.getByRole('button', { name: 'Make the token' }).click()
  const token = (await page.locator('.secret code').textContent()) ?? ''
  await page.getByRole('button', { name: 'Done' }).click()
  const { server } = visitor
  const ask = () =>
    server.send({ method: 'GET', path: '/api/v1/session', headers: { authorization: `Bearer ${token}` } })
  assert.equal((await ask()).status, 200)
  assert.ok(!(await page.content()).includes(token))
  await page.getByRole('button', { name: 'Revoke nightly' }).click()
  await page.getByText('revoked', { exact: true }).waitFor()
  assert.equal((await ask()).status, 401)
})

test(
  'INC-6 a channel is added, shows its secret once, says why it takes nothing, gets another secret, and is removed',
  only,
  async () => {
    const page = await goTo('/notifications')
    await page.getByRole('button', { name: 'New channel' }).click()
    await page.getByLabel('Name').fill('pager')
    await page.getByLabel('Told by').selectOption('webhook')
    await page.getByLabel('URL').fill('http://127.0.0.1/')
    await page.getByRole('button', { name: 'Add the channel' }).click()
    await page.getByText('a channel leads to an https URL').waitFor()
    await page.getByLabel('URL').fill('https://127.0.0.1:1/hook')
    await page.getByRole('button', { name: 'Add the channel' }).click()
    const secret = (await page.locator('.secret code').textContent()) ?? ''
    assert.match(secret, /^whsec_/)
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByText('https://127.0.0.1:1', { exact: true }).waitFor()
    assert.ok(!(await page.content()).includes(secret))
    assert.deepEqual(await findingsOf(page), [])
    await page.getByRole('button', { name: 'Test pager' }).click()
    await page.getByText('pager did not take the test: OUTGOING_REFUSED').waitFor()
    await page.getByRole('button', { name: 'Rotate pager' }).click()
    await page.locator('.secret code').filter({ hasText: 'whsec_' }).waitFor()
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('button', { name: 'Remove pager' }).click()
    await page.getByText('Nobody is told').waitFor()
  },
)

test(
  'the tenant is switched for the session; a page that was elsewhere follows, and shows nothing of where it was',
  only,
  async () => {
    const page = await goTo('/people')
    await page.getByText('Tenant admin').first().waitFor()
    const other = await visitor.context.newPage()
    await other.goto(`${visitor.server.url}/people`)
    await switchTenant(other, 'acme')
    await other.close()
    await page.getByRole('link', { name: 'Roles' }).click()
    await page.locator('.tenant').filter({ hasText: 'acme' }).waitFor()
    assert.equal(await page.getByRole('button', { name: 'night-watch' }).count(), 0)
    await switchTenant(page, 'default')
  },
)

test('a server that does not answer is said to be away; what was there stays, and goes on with it', only, async () => {
  const page = await goTo('/live')
  await page.locator('[data-row]').first().waitFor()
  await page.route('**/api/**', (route) => route.abort())
  await page.getByText('The server does not answer').waitFor()
  assert.deepEqual(await findingsOf(page), [])
  assert.ok((await page.locator('[data-row]').count()) > 0)
  await page.unroute('**/api/**')
  await page.getByText('The server does not answer').waitFor({ state: 'detached' })
})

test('who has no session is asked to sign in, and comes back to where they were', only, async () => {
  const { context, page: mine } = visitor
  const fresh = await context.browser()?.newContext()
  assert.ok(fresh !== undefined)
  const page = await fresh.newPage()
  await page.goto(`${visitor.server.url}/roles?x=1`)
  const link = page.getByRole('link', { name: 'Sign in' })
  assert.equal(await link.getAttribute('href'), '/auth/login?return_to=%2Froles%3Fx%3D1')
  assert.deepEqual(await findingsOf(page), [])
  await fresh.close()
  assert.ok(!mine.isClosed())
})

test('nothing that the policies of the page forbid was tried', only, () => {
  // 400: a channel that is none, which the server says.
  const expected = /status of (401|403|409)|status of 400 .*notification-channels$|net::ERR_FAILED/
  assert.deepEqual(
    visitor.complaints.filter((text) => !expected.test(text)),
    [],
  )
})
