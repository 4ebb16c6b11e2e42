// SPDX-License-Identifier: Apache-2.0

import { execFile } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemClock } from '@sealwatch/base'
import { followLink, launchChromium, noChromium } from '../test/chromium.ts'
import { startPlatform, whyNot } from '../test/system/platform.ts'
import { type Figure, figureOf, quantileOf } from './figure.ts'
import { markOf } from './live-listeners.ts'

const run = promisify(execFile)
const count = 20
/** What the page asks by itself comes each second: events come at all times between. */
const everyMs = 730
const patienceMs = 20_000

/** Runs in the page: says when a row that names a mark was painted, by the clock that all of a machine share. */
const watch = `
  const seen = new Set()
  const look = () => {
    for (const row of document.querySelectorAll('[data-row]')) {
      const mark = /bench-\\d{8}/.exec(row.textContent)?.[0]
      if (mark === undefined || seen.has(mark)) continue
      seen.add(mark)
      // The frame that it is drawn in, and the next: by then it was shown.
      requestAnimationFrame(() => requestAnimationFrame(() => painted(mark, Date.now())))
    }
  }
  new MutationObserver(look).observe(document.body, { childList: true, characterData: true, subtree: true })
`

async function within<T>(done: Promise<T>, what: string): Promise<T> {
  const over = new AbortController()
  const late = systemClock.sleep(patienceMs, over.signal).then(() => Promise.reject(new Error(`${what} did not come`)))
  late.catch(() => undefined)
  try {
    return await Promise.race([done, late])
  } finally {
    over.abort()
  }
}

/**
 * The whole platform as an operator starts it, and the dashboard in Chromium beside it: a program reads the password hashes,
 * the sensor sees it, and from just before the program is started it is timed until the alert about it is painted.
 */
export async function* benchScreen(): AsyncGenerator<Figure> {
  const why = whyNot() ?? (noChromium === false ? undefined : noChromium)
  if (why !== undefined) return console.error(`live.screen is skipped: ${why}`)
  const platform = await startPlatform()
  try {
    const { url } = JSON.parse((await platform.sealwatch('login', '--json')).stdout) as { url: string }
    const browser = await launchChromium()
    try {
      const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } })
      await followLink(page, url)
      await page.locator('.tenant').click()
      await page.getByRole('dialog').getByRole('button', { name: 'default' }).click()
      await page.getByRole('link', { name: 'Live' }).click()
      await page.locator('.seal .feed').filter({ hasText: 'live' }).waitFor()
      const waiting = new Map<string, (atMs: number) => void>()
      await page.exposeFunction('painted', (mark: string, atMs: number) => waiting.get(mark)?.(atMs))
      await page.evaluate(watch)
      const latenciesMs: number[] = []
      for (let i = 0; i < count; i += 1) {
        const mark = markOf(i)
        const program = join(platform.data, mark)
        copyFileSync('/bin/cat', program)
        const fromMs = systemClock.nowMs()
        const painted = Promise.withResolvers<number>()
        waiting.set(mark, painted.resolve)
        await run(program, ['/etc/shadow'])
        latenciesMs.push((await within(painted.promise, `the alert about ${mark}`)) - fromMs)
        await systemClock.sleep(everyMs)
      }
      for (const quantile of [0.5, 0.99])
        yield figureOf(`live.screen-p${100 * quantile}`, 'ms', [quantileOf(latenciesMs, quantile)])
    } finally {
      await browser.close()
    }
  } finally {
    await platform.down()
  }
}
