// SPDX-License-Identifier: Apache-2.0
// The built page in real Chromium, opened as its users open it: from a file.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { verifyEd25519 } from '@sealwatch/keys'
import { leafHash, sha256, verifyBundle, verifyInclusion } from '@sealwatch/ledger'
import type { Locator, Page } from 'playwright-core'
import { type BuiltPage, judgeInPage, noChromium, openChromium } from './chromium.ts'
import { actAt, bundleOf, type Material, materialOf, vkeys } from './material.ts'
import { bundleVectors, vectorNamed } from './vectors.ts'

const { text: oneBundle, keys: oneKeys } = vectorNamed('bundle/complete.bundle')

describe('the verify page in Chromium', { skip: noChromium, timeout: 600_000 }, () => {
  let built: BuiltPage
  let page: Page
  let material: Material
  const requests: string[] = []
  const complaints: string[] = []

  before(async () => {
    built = await openChromium()
    material = await materialOf(8, 40)
  })
  after(async () => {
    await built?.[Symbol.asyncDispose]()
    await material?.[Symbol.asyncDispose]()
  })

  async function opened(options?: Parameters<BuiltPage['open']>[0]): Promise<void> {
    requests.length = 0
    complaints.length = 0
    await page?.close()
    page = await built.open(options)
    page.on('request', (request) => requests.push(request.url()))
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(built.address)
  }

  /** Puts bytes on the page as a file; resolves when it has judged them. */
  async function dropped(bundle: Uint8Array | string, name = 'trail.bundle'): Promise<void> {
    const path = join(built.dir, name)
    writeFileSync(path, bundle)
    await judgeInPage(page, path, undefined)
  }
  const trust = (keys: readonly string[]) => page.locator('#trust').fill(keys.join('\n'))
  const textOf = async (found: Locator) => (await found.textContent()) ?? ''
  const title = () => textOf(page.locator('.verdict h2'))
  const problem = async () => ({
    code: await textOf(page.locator('.problem .code')),
    where: await textOf(page.locator('.problem dd').first()),
  })

  const wholeBundle = () => bundleOf(material.ledger, material.sealed, [{ from: 0, to: 10_000 }], material.side)

  test('a good bundle is verified, and the picture shows the hashes that lead to the signed root', async () => {
    await opened()
    await trust(vkeys)
    await dropped(await wholeBundle())
    assert.equal(await title(), 'Verified')
    const { size, root } = material.sealed.checkpoint
    await page.locator('.line').first().waitFor()
    for (const leaf of [0, 17, size - 1]) {
      await page.locator('.lines').press(leaf === size - 1 ? 'End' : 'Home')
      for (let i = 0; leaf !== size - 1 && i < leaf; i += 1) await page.locator('.lines').press('ArrowDown')
      await page.locator('.proof h3', { hasText: new RegExp(`leaf ${leaf} `) }).waitFor()
      const drawn = await page
        .locator('.tree')
        .last()
        .evaluate((tree) => ({
          siblings: [...tree.querySelectorAll('.sibling')].map((node) => node.getAttribute('data-hash') ?? ''),
          path: [...tree.querySelectorAll('.path')].map((node) => node.getAttribute('data-hash') ?? ''),
        }))
      const [{ line } = assert.fail()] = await material.ledger.read(leaf, 1)
      const hash = leafHash(sha256, line)
      const proof = drawn.siblings.map((sibling) => Uint8Array.fromHex(sibling))
      verifyInclusion(sha256, { index: leaf, size, leaf: hash, root }, proof)
      assert.ok(drawn.path.includes(hash.toHex()) && drawn.path.includes(root.toHex()))
      assert.equal(drawn.path.length, drawn.siblings.length + 1)
    }
    assert.deepEqual(complaints, [])
  })

  test('without a key of the reader the page says so, and judges again when one comes', async () => {
    await opened()
    await dropped(oneBundle)
    assert.match(await title(), /vouched for only by itself/)
    await trust(oneKeys)
    await page.locator('.verdict.proven').waitFor()
    assert.equal(await title(), 'Verified')
    await trust(vkeys.map((vkey) => vkey.replace('sealwatch.test', 'elsewhere')))
    assert.match(await textOf(page.locator('#trust-keys .bad').first()), /not a key/)
  })

  test('a compressed bundle is judged, too, and what cannot be unpacked here is no forgery', async () => {
    await opened()
    await trust(oneKeys)
    await dropped(gzipSync(oneBundle), 'trail.bundle.gz')
    assert.equal(await title(), 'Verified')
    await dropped(Buffer.concat([gzipSync(oneBundle), Buffer.from('more')]), 'more.bundle.gz')
    assert.equal((await problem()).code, 'FILE_NOT_ONE_STREAM')
    await dropped(zstdCompressSync(oneBundle), 'trail.bundle.zst')
    assert.equal(await title(), 'This file is compressed')
    assert.deepEqual(complaints, [])
  })

  test('a trust.json that is dropped is taken for keys, not for a bundle', async () => {
    await opened()
    const path = join(built.dir, 'trust.json')
    writeFileSync(path, JSON.stringify({ deployment: 'd', ledgerKeys: oneKeys, caFingerprint: '' }))
    await page.locator('#picker').setInputFiles([path])
    await page.locator('#trust-keys .good').first().waitFor()
    await dropped(vectorNamed('bundle/sparse.bundle').text)
    assert.equal(await title(), 'Verified')
  })

  test('every vector, good and bad, is judged as by the command line, and names the same line and reason', async () => {
    let given: readonly string[] = []
    for (const { name, text, keys, due } of bundleVectors) {
      async function* whole() {
        yield Buffer.from(text)
      }
      const report = await verifyBundle(whole(), { sha256, verify: verifyEd25519, trust: keys })
      if (keys !== given) {
        await opened()
        await trust(keys)
        given = keys
      }
      await dropped(text, 'vector.bundle')
      assert.equal(await title(), report.ok ? 'Verified' : 'Not verified', name)
      assert.equal(due === undefined, report.ok, name)
      if (due === undefined) continue
      const shown = await problem()
      assert.deepEqual([shown.code, report.problem?.code], [due.code, due.code], name)
      assert.match(shown.where, new RegExp(`^line ${due.fileLine} of the file`), name)
      assert.equal(await page.locator('.line').count(), 0, 'nothing of a bad bundle is listed as evidence')
    }
  })

  test('garbage of every size ends in words', async () => {
    await opened()
    for (const [name, bytes] of [
      ['nothing', ''],
      ['zeros', new Uint8Array(300_000)],
      ['page', readFileSync(built.address.slice('file://'.length))],
      ['cut', (await wholeBundle()).subarray(0, 50_000)],
    ] as const) {
      await dropped(bytes, name)
      assert.equal(await title(), 'Not verified', name)
      assert.match((await problem()).code, /^[A-Z_]+$/, name)
    }
    assert.deepEqual(complaints, [])
  })

  test('a bundle of 100 MB is read as a stream, with progress, and can be cancelled', async () => {
    const act = (i: number) => actAt(i, { message: `${i} ${'x'.repeat(8000)}` })
    await using large = await materialOf(60, 170, act)
    const bundle = await bundleOf(large.ledger, large.sealed, [{ from: 0, to: 100_000 }], large.side)
    assert.ok(bundle.length > 100_000_000, `${bundle.length} bytes`)
    await opened()
    await trust(vkeys)
    await dropped(bundle, 'large.bundle')
    assert.equal(await title(), 'Verified')
    await page.locator('.lines').press('End')
    await page
      .locator('.proof h3', { hasText: `leaf ${(large.sealed.checkpoint.size - 1).toLocaleString('en-GB')} ` })
      .waitFor()
    // A byte in the last tenth: the page comes to it, and names the line.
    bundle[95_000_000] = (bundle[95_000_000] as number) ^ 1
    await dropped(bundle, 'large.bundle')
    const fileLine = bundle.subarray(0, 95_000_000).toString('latin1').split('\n').length
    assert.match((await problem()).where, new RegExp(`^line ${fileLine} of the file`))
    await page.locator('#picker').setInputFiles(join(built.dir, 'large.bundle'))
    await page.locator('body[data-state="working"] #cancel').click()
    await page.locator('body[data-state="waiting"]').waitFor()
    assert.equal(await page.locator('.verdict').count(), 0)
  })

  test('markup and script in events are shown as text, and nothing of it runs', async () => {
    const hostile = '</script><img src=x onerror="globalThis.pwned=1"><script>globalThis.pwned=1</script>'
    const act = (i: number) =>
      actAt(i, { message: hostile, actor: { process: { file: { path: hostile } }, user: { uid: '0', name: hostile } } })
    await using evil = await materialOf(2, 3, act)
    await opened()
    await trust(vkeys)
    await dropped(
      await bundleOf(evil.ledger, evil.sealed, [{ from: 0, to: 99 }], evil.side),
      `${hostile.replaceAll('/', '')}.bundle`,
    )
    const line = page.locator('.line.event').first()
    assert.equal(await textOf(line.locator('.action')), hostile)
    await line.click()
    await page.locator('.proof').waitFor()
    for (const details of await page.locator('details').all()) await details.locator('summary').first().click()
    assert.equal(await textOf(page.locator('mark').first()), hostile)
    assert.equal(await page.evaluate(() => (globalThis as { pwned?: number }).pwned), undefined)
    assert.equal(await page.locator('img, #result script').count(), 0)
  })

  test('no request leaves the page, and its policy would stop one', async () => {
    await opened()
    await trust(vkeys)
    await dropped(await wholeBundle())
    await page.locator('.line').nth(4).click()
    await page.locator('.proof').waitFor()
    assert.deepEqual(
      requests.filter((url) => url !== built.address && !url.startsWith('blob:')),
      [],
    )
    const refused = await page.evaluate(`(async () => [
      await fetch('https://example.com/').then(() => 'fetched', () => 'refused'),
      await new Promise((resolve) => {
        const script = document.createElement('script')
        script.onerror = () => resolve('refused')
        try { script.textContent = 'globalThis.pwned = 1' } catch { resolve('refused') }
      }),
    ])()`)
    assert.deepEqual(refused, ['refused', 'refused'])
  })

  test('by keyboard alone: file, list, line, copy; and it fits a telephone', async () => {
    await opened({ viewport: { width: 360, height: 740 } })
    await trust(vkeys)
    await dropped(await wholeBundle())
    await page.locator('.lines').focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('PageDown')
    const chosen = page.locator('.line[aria-selected="true"]')
    await chosen.waitFor()
    assert.equal(await page.locator('.lines').getAttribute('aria-activedescendant'), await chosen.getAttribute('id'))
    // The picture of the line chosen first may still give way to that of the second.
    await page.waitForFunction(
      `document.querySelector('.tree .node')?.focus(), document.querySelector('.inspector .hash')`,
    )
    const named = await textOf(page.locator('.inspector .hash'))
    assert.match(named, /^[0-9a-f]{64}$/)
    const overflow = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'))
    assert.ok(overflow <= 0, `the page is ${overflow} pixels wider than the screen`)
  })

  test('the list is narrowed by kind and by words', async () => {
    await opened()
    await trust(vkeys)
    await dropped(await wholeBundle())
    await page.locator('.chip', { hasText: 'Alert' }).click()
    await page.locator('.status', { hasText: /^\d+ of / }).waitFor()
    await page.locator('.line').first().waitFor()
    assert.equal(await page.locator('.line:not(.alert)').count(), 0)
    await page.locator('.tools input').fill('no line says this')
    await page.locator('.status', { hasText: /^0 of / }).waitFor()
    assert.equal(await page.locator('.line').count(), 0)
  })
})
