// SPDX-License-Identifier: Apache-2.0
// AGT-1: on each of Debian's kernels every site of the sensor tells of what it watches, and its own tests pass there.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Site, sites } from '../../apps/agent/src/sources/observation.ts'
import { type Image, imageOf, type Kernel, kernels, missingTools } from './images.ts'
import { runOn } from './machine.ts'
import type { Said } from './sites.ts'

type Result = { readonly title: string; readonly said: Said | undefined; readonly passed: string }

const missing = missingTools()
const skip = missing.length > 0 && `not here: apt-get install --no-install-recommends ${missing.join(' ')}`
const results: Result[] = []

for (const kernel of kernels)
  test(`AGT-1: the sensor on Linux ${kernel.series}`, { skip }, async (t) => {
    const image = imageOrWhyNot(kernel)
    if (typeof image === 'string') return t.skip(image)
    const dir = join(import.meta.dirname, '../../.sealwatch/kernels', `results-${kernel.series}`)
    const console = await runOn(image, dir)
    const text = (name: string) => (existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8') : '')
    const tests = testsOf(text('tests.tap'))
    const said = text('sites.json') === '' ? undefined : (JSON.parse(text('sites.json')) as Said)
    const passed = tests.filter(({ ok }) => ok).length
    results.push({ title: image.release, said, passed: `${passed} of ${tests.length}` })
    assert(said !== undefined, `no sensor came up: see ${join(dir, 'tests.txt')}\n${console}`)
    for (const { name, ok, skipped } of tests)
      await t.test(name, { skip: skipped }, () => assert(ok, `failed; see ${join(dir, 'tests.txt')}`))
  })

function imageOrWhyNot(kernel: Kernel): Image | string {
  try {
    return imageOf(kernel)
  } catch (error) {
    return `Linux ${kernel.series} is not to be had: ${(error as { stderr?: string }).stderr ?? String(error)}`
  }
}

/** What a site told; in brackets by which tier, or why it is not attached. */
function cellOf({ attached, told }: Said, site: Site): string {
  const { ok, reason } = attached[site]
  const words = ok ? [...told[site]] : [reason === '' ? 'stands by' : 'not attached']
  return [...words, ...(reason === '' ? [] : [`(${reason})`])].join(' ')
}

/** The outermost tests of a file in TAP. */
function testsOf(tap: string): { name: string; ok: boolean; skipped: string | false }[] {
  return [...tap.matchAll(/^(not )?ok \d+ - (.*?)(?: # SKIP ?(.*))?$/gm)].map(([, not, name = '', skipped]) => ({
    name: name.replaceAll(/\\([#\\])/g, '$1'),
    ok: not === undefined,
    skipped: skipped ?? false,
  }))
}

after(() => {
  const rows = [
    ['site', ...results.map(({ title }) => title)],
    ...sites.map((site) => [site, ...results.map(({ said }) => (said === undefined ? '-' : cellOf(said, site)))]),
    ['tests passed', ...results.map(({ passed }) => passed)],
  ]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  for (const row of rows) console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
  for (const { title, said } of results) for (const text of said?.left ?? []) console.log(`${title}: ${text}`)
})
