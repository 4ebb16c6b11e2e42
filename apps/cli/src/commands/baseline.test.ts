// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { testIo } from '../../test/test-io.ts'
import { run } from '../cli.ts'

async function sealwatch(...args: string[]) {
  const io = testIo()
  const code = await run(['baseline', ...args], io)
  return { code, said: io.said(), told: io.complained() }
}

/** A tree, a key, and a baseline of it. */
async function machine(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-baseline-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const at = (name: string) => join(dir, name)
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  writeFileSync(at('signer.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  writeFileSync(at('signer.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
  const tree = at('tree')
  const file = (name: string) => join(tree, name)
  mkdirSync(file('bin'), { recursive: true })
  mkdirSync(file('bin.d'))
  writeFileSync(file('bin/sh'), 'a shell')
  writeFileSync(file('bin/su'), 'another', { mode: 0o755 })
  writeFileSync(file('bin.d/log'), 'lines\n')
  writeFileSync(Buffer.concat([Buffer.from(file('bin/')), Buffer.of(0xff, 0x0a)]), 'no UTF-8')
  symlinkSync('sh', file('bin/bash'))
  execFileSync('mkfifo', [file('pipe')])
  const made = await sealwatch('create', tree, '--key-file', at('signer.key'), '-o', at('made'), '--json')
  assert.equal(made.code, 0, made.told)
  const diff = (...more: string[]) => sealwatch('diff', at('made'), '--signer-key', at('signer.pem'), ...more)
  return { at, tree, file, made: JSON.parse(made.said), diff }
}

test('AGT-1 a machine that is as it was has no difference', async (t) => {
  const { diff, made, at } = await machine(t)
  assert.deepEqual([made.statement.rows, made.statement.unread], [9, 0])
  const { code, said } = await diff()
  assert.equal(code, 0)
  assert.match(said, /^No difference; 9 names as of /)
  const shown = await sealwatch('show', at('made'), '--signer-key', at('signer.pem'))
  assert.equal(shown.code, 0)
  assert.match(shown.said, /^VERIFIED .*\nhost .*\n[\s\S]*holds +9 names/)
})

test('AGT-1 whatever is added, removed or changed is told with what it was and what it is', async (t) => {
  const { file, diff } = await machine(t)
  writeFileSync(file('bin/sh'), 'a trojan')
  chmodSync(file('bin/su'), 0o4755)
  renameSync(file('bin.d/log'), file('bin.d/log.1'))
  rmSync(file('bin/bash'))
  symlinkSync('su', file('bin/bash'))
  rmSync(file('pipe'))
  mkdirSync(file('pipe'))
  const { code, said } = await diff('--json')
  assert.equal(code, 1)
  const { differences, ...counts } = JSON.parse(said)
  assert.deepEqual(counts, { ok: false, added: 1, removed: 1, changed: 4 })
  const rows = differences.map((one: { what: string; path: string; facts?: string[] }) =>
    [one.what, one.path.slice(file('').length + 1), ...(one.facts ?? [])].join(' '),
  )
  assert.deepEqual(rows, [
    'changed bin/bash target',
    'changed bin/sh mtime_ns sha256 size',
    'changed bin/su mode',
    'removed bin.d/log',
    'added bin.d/log.1',
    'changed pipe kind mode',
  ])
  assert.deepEqual([differences[2].before.mode, differences[2].after.mode], ['0755', '4755'])
  const told = await diff('--limit', '1')
  assert.match(told.said, /~ .*bin\/bash\n +target {2}sh -> su\nand 5 more: --limit 6\n1 added, 1 removed, 4 changed/)
})

test('AGT-1 a change that keeps size and time is found by the digest; what may change is ignored by name', async (t) => {
  const { file, diff } = await machine(t)
  utimesSync(file('bin/su'), 1, 1)
  assert.equal((await diff()).code, 1)
  assert.equal((await diff('--ignore', 'mtime_ns')).code, 0)
  utimesSync(file('bin/sh'), 5, 5)
  writeFileSync(file('bin/sh'), 'b shell')
  utimesSync(file('bin/sh'), 5, 5)
  const { code, said } = await diff('--ignore', 'mtime_ns', '--json')
  assert.deepEqual([code, JSON.parse(said).differences[0].facts], [1, ['sha256']])
  assert.match((await diff('--ignore', 'kind')).told, /CLI_USAGE.*kind/s)
})

test('AGT-1 file capabilities are part of it', async (t) => {
  const { file, diff, made } = await machine(t)
  assert.equal(made.statement.capabilities, true)
  // CAP_SETUID, permitted and effective, as setcap(8) writes it: revision 2.
  const value = `0x${'01000002'}${'80000000'}${'00000000'.repeat(3)}`
  execFileSync('/usr/bin/env', [
    'python3',
    '-c',
    `import os; os.setxattr(${JSON.stringify(file('bin/sh'))}, 'security.capability', bytes.fromhex('${value.slice(2)}'))`,
  ])
  const { said } = await diff('--json')
  assert.deepEqual(JSON.parse(said).differences[0].facts, ['capabilities'])
})

test('AGT-1 of a baseline that somebody altered nothing is told but that', async (t) => {
  const { at, file, diff } = await machine(t)
  writeFileSync(file('bin/sh'), 'a trojan')
  const whole = readFileSync(at('made'), 'latin1')
  const lines = whole.split('\n')
  const alterations: [RegExp, () => void][] = [
    [/BASELINE_ALTERED/, () => writeFileSync(at('made'), whole.replace('"size":7', '"size":8'), 'latin1')],
    [
      /BASELINE_ALTERED/,
      () => writeFileSync(at('made'), [...lines.slice(0, 3), ...lines.slice(4)].join('\n'), 'latin1'),
    ],
    [/BASELINE_ALTERED/, () => writeFileSync(at('made'), [lines[1], lines[0], ...lines.slice(2)].join('\n'), 'latin1')],
    [/DSSE_UNVERIFIED/, () => writeFileSync(at('made'), whole.replace(/"payload":"./, '"payload":"f'), 'latin1')],
    [/BASELINE_MALFORMED/, () => truncateSync(at('made'), whole.length - 1)],
    [/BASELINE_MALFORMED/, () => truncateSync(at('made'), 0)],
    [/BASELINE_MALFORMED/, () => appendFileSync(at('made'), '{}\n')],
    [/BASELINE_MALFORMED/, () => writeFileSync(at('made'), Buffer.alloc(400_000, 'a'))],
  ]
  for (const [error, alter] of alterations) {
    writeFileSync(at('made'), whole, 'latin1')
    alter()
    const { code, said, told } = await diff()
    assert.match(told, error)
    assert.notEqual(code, 0)
    assert.equal(said, '')
  }
})

test('whose signature counts must be said, and another key does not', async (t) => {
  const { at } = await machine(t)
  const other = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' })
  writeFileSync(at('other.pem'), other)
  assert.match((await sealwatch('diff', at('made'))).told, /CLI_USAGE[\s\S]*--signer-key FILE/)
  assert.match((await sealwatch('show', at('made'), '--signer-key', at('other.pem'))).told, /DSSE_UNVERIFIED/)
})

test('a baseline that cannot be made leaves no file, and one that is there is not written over', async (t) => {
  const { at, tree } = await machine(t)
  const create = (...args: string[]) => sealwatch('create', ...args, '--key-file', at('signer.key'))
  assert.match((await create(tree, '-o', at('made'))).told, /CLI_FILE[\s\S]*EEXIST/)
  assert.match((await create(at('none'), '-o', at('new'))).told, /BASELINE_EMPTY/)
  assert.match((await create(tree)).told, /CLI_USAGE[\s\S]*-o FILE/)
  const stop = new AbortController()
  stop.abort()
  const io = testIo({ stop: stop.signal })
  assert.notEqual(await run(['baseline', 'create', tree, '--key-file', at('signer.key'), '-o', at('new')], io), 0)
  assert.equal(existsSync(at('new')), false)
})

test('what lies within another place, or is left out, is walked once or not at all', async (t) => {
  const { at, tree, file } = await machine(t)
  const args = [tree, file('bin'), file('bin'), '--exclude', `${file('bin.d')},${file('pipe')}`]
  const { said } = await sealwatch('create', ...args, '--key-file', at('signer.key'), '-o', at('less'), '--json')
  const { roots, rows } = JSON.parse(said).statement
  assert.deepEqual([roots, rows], [[tree], 6])
})
