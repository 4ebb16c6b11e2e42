// SPDX-License-Identifier: Apache-2.0
// Debian's Chromium, opening the built page as its users do: from a file.

import { writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { buildPage } from '../../apps/verify-page/make/page.ts'
import { launchChromium } from '../chromium.ts'

export { noChromium } from '../chromium.ts'

export type BuiltPage = AsyncDisposable & {
  readonly address: string
  /** A folder for bundles, removed with the rest. */
  readonly dir: string
  open(options?: Parameters<Browser['newPage']>[0]): Promise<Page>
}

export async function openChromium(): Promise<BuiltPage> {
  const dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-page-'))
  const path = join(dir.path, 'verify.html')
  writeFileSync(path, await buildPage())
  const browser = await launchChromium()
  return {
    address: `file://${path}`,
    dir: dir.path,
    open: async (options) => {
      const page = await browser.newPage(options)
      page.setDefaultTimeout(120_000)
      return page
    },
    async [Symbol.asyncDispose]() {
      await browser.close()
      await dir.remove()
    },
  }
}

/** Names the keys, gives the bundle, and resolves with the title of the judgement. */
export async function judgeInPage(page: Page, path: string, keys: readonly string[] | undefined): Promise<string> {
  if (keys !== undefined) await page.locator('#trust').fill(keys.join('\n'))
  const before = Number(await page.locator('body').getAttribute('data-judged'))
  await page.locator('#picker').setInputFiles(path)
  await page.locator(`body[data-judged="${before + 1}"]`).waitFor()
  return (await page.locator('.verdict h2').textContent()) ?? ''
}
