// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { systemClock } from '@sealwatch/base'
import { sampleTask } from '../../observe/sample-observations.ts'
import { createPackages } from './packages.ts'
import { type Change, createShipped } from './shipped.ts'

const hashed = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex')

/** dpkg's files of one package that brought `program`, and that file. */
async function host(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'sealwatch-shipped-'))
  t.after(() => rmSync(root, { recursive: true }))
  const dpkg = join(root, 'dpkg')
  const path = join(root, 'program')
  mkdirSync(join(dpkg, 'info'), { recursive: true })
  const write = (name: string, text: string) => writeFileSync(join(dpkg, name), text)
  write('status', 'Package: tool\nStatus: install ok installed\nVersion: 1\n')
  write('info/tool.list', `${path}\n${root}/settings\n`)
  write('info/tool.md5sums', `no line of it\n${hashed('md5', 'as it was')}  ${path.slice(1)}\n`)
  const packages = createPackages(systemClock, { dpkg, root }, 7)
  const asked = { path, ino: 1n, mode: 0o100755, unlinked: false }
  while (packages.of(asked, null) === undefined) {
    await packages.look(asked, null)
    await turn()
  }
  const shipped = createShipped(systemClock, packages.shippedMd5)
  return { root, path, shipped }
}

let timeNs = 1n
function changeOf(path: string, text: string, change: Partial<Change> = {}): Change {
  const { dev, ino, size } = statSync(path, { bigint: true })
  timeNs += 1n
  const state = { size, mode: 0o100755, uid: 0, gid: 0, nlink: 1, sha256: hashed('sha256', text) }
  return {
    ...{ kind: 'file_change', timeNs, actor: sampleTask(), truncated: false, change: 'write', path, to: null },
    ...{
      dev: Number((((dev >> 8n) & 0xfffn) << 20n) | (dev & 0xffn) | ((dev >> 12n) & 0xfff00n)),
      ino,
      fsMagic: 0,
      watched: path,
      lines: null,
    },
    ...{ isSetBack: false, after: state, before: null },
    ...change,
  } as Change
}

test('AGT-3 what a change left is what the package brought, or is not, or nobody knows', async (t) => {
  const { root, path, shipped } = await host(t)
  const told = async (change: Change) => {
    await shipped.look(change)
    return shipped.of(change)
  }
  writeFileSync(path, 'as it was')
  assert.equal(await told(changeOf(path, 'as it was')), true)
  assert.equal(await told(changeOf(path, 'as it was', { change: 'rename', path: `${path}.new`, to: path })), true)
  writeFileSync(path, 'a trojan')
  assert.equal(await told(changeOf(path, 'a trojan')), false)
  assert.equal(await told(changeOf(path, 'what it was before')), undefined, 'it is another by now')
  assert.equal(await told(changeOf(path, 'a trojan', { change: 'attributes' })), undefined)
  assert.equal(await told(changeOf(path, 'a trojan', { ino: 1n })), undefined, 'it is another file by now')
  writeFileSync(join(root, 'settings'), '')
  assert.equal(await told(changeOf(join(root, 'settings'), '')), undefined, 'the package says nothing of it')
  rmSync(path)
  symlinkSync('/etc/passwd', path)
  assert.equal(await told(changeOf('/etc/passwd', '', { path })), undefined)
})

test('of a large file, which the sensor does not hash, the content that was there all the while counts', async (t) => {
  const { path, shipped } = await host(t)
  writeFileSync(path, 'as it was')
  chmodSync(path, 0o755)
  const change = changeOf(path, '')
  const large = { ...change, after: { ...change.after, sha256: null } } as Change
  await shipped.look(large)
  assert.equal(shipped.of(large), true)
})
