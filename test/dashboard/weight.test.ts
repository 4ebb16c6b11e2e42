// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildDashboard } from '../../apps/dashboard/make/build.ts'

const firstLoadMax = 200_000
const pageMax = 120_000

test('API-3: the first load, letters included, is below 200 kB by gzip, and no page adds much', async () => {
  await using out = await mkdtempDisposable(join(tmpdir(), 'sealwatch-weight-'))
  const served = await buildDashboard(out.path)
  const weight = (file: string) => {
    const { encodings } = served.find((one) => one.file === file) ?? assert.fail(file)
    return statSync(join(out.path, encodings.gzip ?? file)).size
  }
  const html = readFileSync(join(out.path, 'index.html'), 'utf8')
  const first = ['index.html', ...[...html.matchAll(/(?:href|src)="\/([^"]+)"/g)].map(([, file = '']) => file)]
  assert.ok(first.length >= 6, first.join(' '))
  const total = first.reduce((sum, file) => sum + weight(file), 0)
  assert.ok(total < firstLoadMax, `${total} bytes: ${first.map((file) => `${file} ${weight(file)}`).join(', ')}`)
  for (const { file } of served.filter(({ file, type }) => type.startsWith('text/javascript') && !first.includes(file)))
    assert.ok(weight(file) < pageMax, `${file} is ${weight(file)} bytes`)
  assert.ok(
    !/<(?:script|style)>|\sstyle=|\son\w+=/.test(html),
    'nothing stands in the page itself that a policy would stop',
  )
})
