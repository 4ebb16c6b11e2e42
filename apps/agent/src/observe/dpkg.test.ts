// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseDiversions, parseStatus, placeOf } from './dpkg.ts'

const paragraph = (name: string, status: string) =>
  `Package: ${name}\nStatus: ${status}\nVersion: 1:2.0-3\nDescription: x\n Package: not-this\n`

test('packages whose files are there are those that dpkg has at least unpacked', () => {
  const states = ['installed', 'unpacked', 'half-configured', 'triggers-pending', 'config-files', 'half-installed']
  const text = states.map((state) => paragraph(state, `install ok ${state}`)).join('\n')
  const installed = parseStatus(`${text}\nPackage: none\nStatus: install ok installed\n`)
  assert.deepEqual(
    installed.map(({ name }) => name),
    ['installed', 'unpacked', 'half-configured', 'triggers-pending'],
  )
  assert.equal(installed[0]?.version, '1:2.0-3')
})

test('a diverted file lies elsewhere, but for the package that diverts; top folders may be links', () => {
  const text = '/bin/sh\n/bin/sh.distrib\ndash\n/usr/bin/x\n/usr/bin/x.real\n:\n/cut'
  const diversions = new Map(parseDiversions(text).map((one) => [one.from, one]))
  const links = new Map([['/bin', '/usr/bin']])
  const rows = [
    ['/bin/sh', 'bash', '/usr/bin/sh.distrib'],
    ['/bin/sh', 'dash', '/usr/bin/sh'],
    ['/usr/bin/x', 'any', '/usr/bin/x.real'],
    ['/binary/x', 'any', '/binary/x'],
    ['/bin', 'any', '/bin'],
    ['', 'any', ''],
  ] as const
  for (const [path, owner, place] of rows) assert.equal(placeOf(path, owner, diversions, links), place)
})

test('any text is read', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      for (const { from, to } of parseDiversions(text)) assert(from.startsWith('/') && to.startsWith('/'))
      for (const { name, version } of parseStatus(text)) assert(name !== '' && version !== '')
    }),
  )
})
