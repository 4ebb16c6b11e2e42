// SPDX-License-Identifier: Apache-2.0
// LOG-3: whoever sets up monitoring finds every metric on one page.

import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')

test('docs/reference/health.md names every metric that the programs register', async () => {
  const page = await readFile(join(root, 'docs/reference/health.md'), 'utf8')
  const names = new Set<string>()
  for await (const path of glob('{apps,packages}/*/src/**/*.ts', { cwd: root })) {
    if (path.endsWith('.test.ts')) continue
    const text = await readFile(join(root, path), 'utf8')
    for (const [, name] of text.matchAll(/'(sealwatch_[a-z_]+)'/g)) names.add(name as string)
  }
  assert.ok(names.size > 20, `${names.size} metrics`)
  const missing = [...names].filter((name) => !page.includes(`\`${name}\``) && !page.includes(`\`${name}{`))
  assert.deepEqual(missing, [])
})
