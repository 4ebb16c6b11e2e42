// SPDX-License-Identifier: Apache-2.0
//
// npm run pictures            Draws docs/dashboard.png: the dashboard in Chromium, of a whole server whose hosts seal samples.
// npm run pictures -- DIR     Every view into DIR, wide, half as wide and at 360 pixels, light and dark, with what axe finds.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { Page } from 'playwright-core'
import { findingsOf } from './axe.ts'
import { firing, startHost } from './host.ts'
import { startService } from './service.ts'
import { openVisitor, switchTenant, type Visitor } from './visitor.ts'

const root = join(import.meta.dirname, '../..')
const sizes = [
  { width: 1440, height: 1000 },
  { width: 768, height: 1000 },
  { width: 360, height: 780 },
] as const
const themes = ['light', 'dark'] as const

const sample = (name: string) =>
  JSON.parse(readFileSync(join(root, 'vectors/events', `${name}.json`), 'utf8')) as Record<string, never>

/** Produced, dropped, sent, sealed, unreadable (docs/formats/chain.md). */
const sites = (dropped: number) =>
  Object.fromEntries(
    ['exec', 'exit', 'open', 'openat', 'openat2', 'creat', 'process_vm_readv', 'process_vm_writev'].map((name, i) => {
      const produced = Math.round(914_212 / (i * i + 1))
      const lost = i === 3 ? dropped : 0
      return [name, [produced, lost, produced - lost, Math.round((produced - lost) / 9), 0].map(String)]
    }),
  )

type Program = { readonly pid: number; readonly uid: string; readonly name: string; readonly path: string }
type Acting = {
  readonly actor: { readonly process: { readonly parent_process: object; readonly ancestry: readonly object[] } }
}

/** The same, by what a web server was made to run. */
function underNginx(event: Record<string, never>): Record<string, never> {
  const { actor, ...rest } = event as unknown as Acting
  const step = (pid: number, name: string, path: string): Program => ({ pid, uid: `${pid}:1`, name, path })
  const sh = step(28_701, 'sh', '/usr/bin/dash')
  const ancestry = [sh, step(1204, 'nginx', '/usr/sbin/nginx'), ...actor.process.ancestry]
  const { path, ...parent } = sh
  const parent_process = {
    ...parent,
    file: { name: 'dash', path },
    cmd_line: 'sh -c cat /etc/shadow',
    user: { uid: '0' },
  }
  return { ...rest, actor: { ...actor, process: { ...actor.process, parent_process, ancestry } } } as never
}

const eventOf = (name: string) =>
  name === 'gap' ? sample(name) : name === 'shadow-read' ? underNginx(firing(name)) : firing(name)

async function fill({ server }: Visitor): Promise<void> {
  const fired = [
    'sealwatch-key-read',
    'memfd-exec',
    'proc-mem-write',
    'process-vm-write',
    'ptrace-attach',
    'dev-shm-exec',
  ]
  const hosts = [
    { name: 'web-1', attached: 'sensor-attached', dropped: 0, more: fired },
    { name: 'db-1', attached: 'sensor-attached-in-part', dropped: 312, more: ['gap', ...fired.slice(1, 4)] },
    {
      name: 'build-runner-of-the-nightly-release.eu-central-1.compute.internal',
      attached: 'sensor-lost',
      dropped: 0,
      more: ['proc-mem-read'],
    },
    { name: 'web-2', attached: 'sensor-attached', dropped: 0, more: ['dev-shm-exec', 'shadow-read', 'ptrace-attach'] },
  ]
  for (const { name, attached, dropped, more } of hosts) {
    const events = [sample('agent-started'), sample(attached), ...more.map(eventOf)]
    const producer = await startHost(server, { name, events, account: { at: '1', era: 'e', sites: sites(dropped) } })
    await producer.finish(10_000)
    await producer.stop()
  }
  const billing = await startService(server, 'billing')
  await billing.register('billing-1')
  const rows = (count: number) => Array.from({ length: count }, (_, i) => JSON.stringify({ n: i, amount: 100 + i }))
  for (let i = 1; i < 9; i += 1) await billing.send('billing-2', rows(i * 40))
  await billing.send('billing-1', rows(90), { altered: true })
  const api = server.root('default')
  const examples = await api.call('listRoles', {})
  await api.call('putRole', { params: { name: 'on-call' }, body: { actions: examples.grantable_actions.slice(0, 9) } })
  for (const name of ['ci', 'A script that asks each night what came of the day, and mails it'])
    await api.call('createToken', {
      body: { name, actions: ['alert:list', 'event:list', 'event:export', 'host:list'], ttl_seconds: 86_400 },
    })
  await api.call('addGroupRole', {
    params: { tenant_name: 'default' },
    body: { group: 'security-operations', role: 'responder' },
  })
  await api.call('invitePerson', { body: { name: 'Grace', role: 'auditor' } })
  const policy = (id: string, body: object) =>
    api.call('putPolicy', { params: { id }, body: { policy: JSON.stringify(body) }, headers: { 'if-none-match': '*' } })
  const rules = [{ id: 'password-hashes', paths: ['/etc/shadow'], may: [{ executables: ['/usr/bin/passwd'] }] }]
  await policy('shadow', { type: 'file', name: 'Sensitive files', enabled: true, rules })
  await policy('telnet', {
    type: 'network',
    name: 'Nothing leaves by what nobody uses any more',
    enabled: false,
    default: 'allow',
    rules: [{ id: 'no-telnet', action: 'deny', direction: 'outbound', protocols: ['tcp'], ports: [23] }],
  })
}

type Scene = { readonly name: string; readonly path: string; readonly arrange?: (page: Page) => Promise<void> }

const openAlert = async (page: Page) => {
  await page
    .getByRole('button', { name: /Password hashes read/ })
    .first()
    .click()
  await page.getByText('from the line to the root').waitFor()
}
const inDefault: readonly Scene[] = [
  { name: 'live', path: '/live' },
  { name: 'alert', path: '/live', arrange: openAlert },
  {
    name: 'proof',
    path: '/live',
    arrange: async (page) => {
      await openAlert(page)
      await page.locator('.proof .end').scrollIntoViewIfNeeded()
    },
  },
  { name: 'events', path: '/events' },
  {
    name: 'filter',
    path: '/events',
    arrange: async (page) => {
      await page.locator('[data-search]').fill('severity>=hihg')
      await page.getByText('did you mean high?').waitFor()
    },
  },
  { name: 'nothing', path: '/events?filter=host%3Dnobody' },
  { name: 'hosts', path: '/hosts' },
  { name: 'sites', path: '/hosts', arrange: (page) => page.locator('.host summary').first().click() },
  { name: 'policies', path: '/policies' },
  { name: 'requests', path: '/requests' },
  {
    name: 'judging',
    path: '/requests',
    arrange: (page) => page.getByRole('button', { name: 'Change what is blocked' }).click(),
  },
  {
    name: 'policy',
    path: '/policies?id=shadow',
    arrange: async (page) => {
      const source = page.locator('textarea')
      await source.fill((await source.inputValue()).replace('"paths"', '"pahts"'))
      await page.getByText('Did you mean "paths"?').waitFor()
    },
  },
  { name: 'quarantine', path: '/quarantine' },
  {
    name: 'quarantined',
    path: '/quarantine?reason=invalid_signature',
    arrange: (page) => page.locator('[data-row]').first().click(),
  },
  {
    name: 'replay',
    path: '/quarantine',
    arrange: async (page) => {
      await page.getByRole('button', { name: 'Replay…' }).click()
      await page.getByRole('button', { name: 'Look what would come in' }).click()
      await page.getByText(/items judged$/).waitFor()
    },
  },
  { name: 'ledger', path: '/ledger' },
  { name: 'audit', path: '/audit' },
  { name: 'people', path: '/people' },
  { name: 'invite', path: '/people', arrange: (page) => page.getByRole('button', { name: 'Invite' }).click() },
  { name: 'roles', path: '/roles' },
  { name: 'tokens', path: '/tokens' },
  { name: 'new-token', path: '/tokens', arrange: (page) => page.getByRole('button', { name: 'New token' }).click() },
  { name: 'notifications', path: '/notifications' },
  {
    name: 'new-channel',
    path: '/notifications',
    arrange: (page) => page.getByRole('button', { name: 'New channel' }).click(),
  },
  { name: 'sessions', path: '/sessions' },
  { name: 'tenant', path: '/live', arrange: (page) => page.locator('.tenant').click() },
]
const inCluster: readonly Scene[] = [
  { name: 'tenants', path: '/tenants' },
  { name: 'accounts', path: '/accounts' },
  { name: 'break-glass', path: '/break-glass' },
]

async function goTo({ page, server }: Visitor, { path, arrange }: Scene): Promise<void> {
  await page.goto(server.url + path)
  await page.getByRole('heading', { level: 1 }).first().waitFor()
  await page.locator('.bones').first().waitFor({ state: 'detached' })
  await arrange?.(page)
  await page.evaluate('document.fonts.ready')
}

const into = process.argv[2]
await using visitor = await openVisitor()
const { page } = visitor
await fill(visitor)
if (into === undefined) {
  await page.setViewportSize(sizes[0])
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
  await switchTenant(page, 'default')
  await goTo(visitor, { name: 'alert', path: '/live', arrange: openAlert })
  await page.screenshot({ path: join(root, 'docs/dashboard.png') })
} else {
  mkdirSync(into, { recursive: true })
  for (const [tenant, scenes] of [
    ['default', inDefault],
    ['cluster', inCluster],
  ] as const) {
    await page.setViewportSize(sizes[0])
    await switchTenant(page, tenant)
    for (const scene of scenes)
      for (const size of sizes) {
        await page.setViewportSize(size)
        await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
        await goTo(visitor, scene)
        for (const colorScheme of themes) {
          await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
          const name = `${scene.name}-${size.width}-${colorScheme}`
          for (const finding of await findingsOf(page)) console.log(`${name}: ${finding}`)
          await page.screenshot({ path: join(into, `${name}.png`) })
        }
      }
  }
  for (const complaint of visitor.complaints) console.log(complaint)
}
