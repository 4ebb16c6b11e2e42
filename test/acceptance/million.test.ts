// SPDX-License-Identifier: Apache-2.0
//
// A million events of three tenants, while the server is killed ten times; then each tenant's ledger is exported and
// verified by everything that can: our command line, a browser, the Go project's packages, openssl.
// SEALWATCH_EVENTS sets another number of events.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { chromium } from 'playwright-core'
import { buildPage } from '../../apps/verify-page/make/page.ts'
import { eventually, repository, startPlatform, whyNot } from '../system/platform.ts'
import { type Producer, startProducer } from '../system/producer.ts'

const tenants = ['default', 'acme', 'globex'] as const
const events = Number(process.env.SEALWATCH_EVENTS ?? 1_000_000)
const perTenant = Math.ceil(events / tenants.length)
const kills = 10
const patienceMs = 60_000

/** An event of about 400 bytes, as a service writes them: a person logs in. */
const logIn = (n: number) => ({
  activity_id: 1,
  category_uid: 3,
  class_uid: 3002,
  is_mfa: n % 3 === 0,
  message: `log-on ${n}`,
  metadata: { product: { name: 'acceptance', vendor_name: 'Sealwatch' }, uid: `e-${n}`, version: '1.6.0' },
  service: { name: 'shop' },
  severity_id: 1,
  src_endpoint: { ip: `192.0.2.${n % 256}`, port: 1024 + (n % 60_000) },
  status_id: n % 50 === 0 ? 2 : 1,
  time: 1_795_219_200_000 + n,
  type_uid: 300_201,
})

test(`LOG-2 LOG-7 LOG-8: ${events} events of three tenants, ${kills} kills, and everybody can verify`, {
  skip: whyNot() ?? false,
}, async (t) => {
  const platform = await startPlatform(repository)
  try {
    for (const tenant of tenants.filter((name) => name !== 'default')) {
      const { code, stderr } = await platform.sealwatch('tenant', 'create', tenant)
      assert.equal(code, 0, stderr)
    }
    const startedMs = systemClock.nowMs()
    const producers: Producer[] = []
    for (const tenant of tenants) {
      const work = { tenant, everyMs: 0, perBatch: 500, event: logIn, events: perTenant }
      producers.push(await startProducer(platform, { name: `producer-${tenant}`, ...work }))
    }
    const acknowledged = () => producers.reduce((sum, producer) => sum + producer.acknowledged, 0)
    for (let killed = 0; killed < kills; ) {
      if (acknowledged() < (events * (killed + 1)) / (kills + 1)) await systemClock.sleep(20)
      else if (await platform.kill('server')) killed += 1
    }
    for (const [i, producer] of producers.entries()) {
      const done = await producer.finish(patienceMs)
      assert.equal(done.acknowledged, done.sealed, `${tenants[i]}: all that was sealed is acknowledged`)
      await producer.stop()
    }
    const seconds = (systemClock.nowMs() - startedMs) / 1000
    t.diagnostic(`${events} events sealed, shipped and acknowledged in ${seconds.toFixed(1)} s, ${kills} kills`)

    // The last kill may have come after the last acknowledgement.
    await eventually('the server', async () => (await platform.sealwatch('tenant', 'list')).code === 0 || undefined)
    const page = await openPage(platform.data)
    try {
      for (const [i, tenant] of tenants.entries()) {
        const bundle = join(platform.data, `${tenant}.bundle`)
        const exported = await platform.sealwatch(
          'audit',
          'export',
          '--all',
          '--tenant',
          tenant,
          '-o',
          bundle,
          '--json',
        )
        assert.equal(exported.code, 0, exported.stderr)
        const verified = await platform.sealwatch('audit', 'verify', bundle, '--json')
        const report = JSON.parse(verified.stdout)
        const { ok, complete, trust, notCovered, stubs } = report
        assert.deepEqual(
          { ok, complete, trust, notCovered, stubs },
          { ok: true, complete: true, trust: 'pinned', notCovered: 0, stubs: 0 },
        )
        assert.equal(await eventsIn(bundle, producers[i]?.chain ?? ''), perTenant, 'each event once')
        if (page !== undefined) assert.equal(await page.judge(bundle, platform.data), 'Verified')
        await verifyByOthers(platform, bundle, tenant)
        t.diagnostic(`${tenant}: ${report.lines} lines verified by CLI${page ? ', Chromium' : ''}, Go and openssl`)
      }
    } finally {
      await page?.close()
    }
    const whole = await platform.sealwatch('audit', 'verify', platform.data)
    assert.equal(whole.code, 0, whole.stdout)
  } finally {
    await platform.down()
  }
})

/** How many different events of a chain a bundle holds; throws where one is there twice. */
async function eventsIn(bundle: string, chain: string): Promise<number> {
  const seen = new Set<string>()
  const prefix = `{"chain":"${chain}","epoch":`
  for (const line of (await readFile(bundle, 'latin1')).split('\n')) {
    const uid = line.startsWith(prefix) ? /"uid":"(e-\d+)"/.exec(line)?.[1] : undefined
    if (uid === undefined) continue
    assert.equal(seen.has(uid), false, `${uid} stands there twice`)
    seen.add(uid)
  }
  return seen.size
}

const chromiumPath = '/usr/bin/chromium'

async function openPage(dir: string) {
  if (!existsSync(chromiumPath)) return undefined
  const path = join(dir, 'verify.html')
  writeFileSync(path, await buildPage())
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
  })
  const page = await browser.newPage()
  await page.goto(`file://${path}`)
  return {
    close: () => browser.close(),
    judge: async (bundle: string, data: string): Promise<string> => {
      const { ledgerKeys } = JSON.parse(readFileSync(join(data, 'trust.json'), 'utf8')) as { ledgerKeys: string[] }
      await page.locator('#trust').fill(ledgerKeys.join('\n'))
      const before = Number(await page.locator('body').getAttribute('data-judged'))
      await page.locator('#picker').setInputFiles(bundle)
      await page.locator(`body[data-judged="${before + 1}"]`).waitFor({ timeout: 300_000 })
      return (await page.locator('.verdict h2').textContent()) ?? ''
    },
  }
}

/** The commands of a page of docs/formats: its first block of shell. */
async function commandsOf(page: string): Promise<string> {
  const text = await readFile(join(repository, 'docs/formats', page), 'utf8')
  return text.split('```')[1]?.replace(/^sh\n/, '') as string
}

async function verifyByOthers(
  platform: Awaited<ReturnType<typeof startPlatform>>,
  bundle: string,
  tenant: string,
): Promise<void> {
  const tiles = join(platform.data, `${tenant}.tiles`)
  const written = await platform.sealwatch('audit', 'tiles', bundle, '-o', tiles)
  assert.equal(written.code, 0, written.stderr)
  assert.equal((await platform.sealwatch('audit', 'verify', tiles)).code, 0)

  const verifier = join(platform.data, 'verify-tiles')
  if (!existsSync(verifier)) {
    const [, build] = (await commandsOf('tiles.md')).split('\n') as [string, string]
    const cwd = join(repository, 'packages/ledger/interop')
    execFileSync('bash', ['-c', build.replace('/tmp/verify-tiles', verifier)], { cwd, env: { HOME: platform.data } })
  }
  const vkey = readFileSync(join(tiles, 'vkey'), 'utf8').trim()
  assert.match(execFileSync(verifier, [tiles, vkey], { encoding: 'utf8' }), /entries, root /)

  const signed = execFileSync('bash', ['-c', await commandsOf('checkpoint.md')], { cwd: tiles, encoding: 'utf8' })
  assert.equal(signed, 'Signature Verified Successfully\n')
  copyFileSync(join(platform.data, 'trust.json'), join(tiles, 'trust.json'))
  const delegated = execFileSync('bash', ['-c', await commandsOf('delegation.md')], { cwd: tiles, encoding: 'utf8' })
  assert.equal(delegated, 'Signature Verified Successfully\n')
}
