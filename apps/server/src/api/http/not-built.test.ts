// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { notBuiltRoutes } from './routes/not-built.ts'

test('API-1: what is not built yet is what the README says is not', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../../../../README.md'), 'utf8')
  const section = readme.slice(readme.indexOf('## Not yet built')).split('\n## ')[0] as string
  const named = [...section.matchAll(/`((?:GET|POST|PUT) \/[^`]+)`/g)].map(([, name]) => name)
  assert.deepEqual(
    named.toSorted(),
    notBuiltRoutes()
      .map(({ method, path }) => `${method} ${path}`)
      .toSorted(),
  )
})
