// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { type Clock, systemClock } from '@sealwatch/base'
import { sampleFile } from '../../observe/sample-observations.ts'
import { createPackages, packageLimits } from './packages.ts'
import { buildPathIndex, hashOfBytes } from './path-index.ts'
import { readLines } from './read-lines.ts'

const mntNs = 7
const status = (name: string, version: string) =>
  `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\n\n`

function host(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'sealwatch-dpkg-'))
  t.after(() => rmSync(root, { recursive: true }))
  const dpkg = join(root, 'dpkg')
  mkdirSync(join(dpkg, 'info'), { recursive: true })
  mkdirSync(join(root, 'usr/bin'), { recursive: true })
  symlinkSync('usr/bin', join(root, 'bin'))
  const write = (name: string, text: string) => writeFileSync(join(dpkg, name), text)
  let nowMs = 0
  const clock: Clock = { ...systemClock, nowMs: () => nowMs }
  const packages = createPackages(clock, { dpkg, root }, mntNs)
  return { root, write, packages, later: (ms: number) => (nowMs += ms) }
}

/** Asks until it is known: the lists are read beside whoever asks. */
async function ownerOf(packages: ReturnType<typeof createPackages>, path: string, ns = mntNs) {
  for (;;) {
    await packages.look(sampleFile(path), ns)
    const owner = packages.of(sampleFile(path), ns)
    if (owner !== undefined) return owner
    await turn()
  }
}

test('a path is of the package that lists it, under links and diversions, or of none', async (t) => {
  const { write, packages } = host(t)
  write('status', status('coreutils', '9.1-1') + status('libc6', '2.36-9') + status('perl', '5.36'))
  write('diversions', '/usr/bin/diverted\n/usr/bin/diverted.real\nperl\n')
  write('info/coreutils.list', '/.\n/bin\n/bin/cat\n/usr/bin/diverted\n')
  write('info/libc6:amd64.list', '/lib/libc.so.6\n')
  write('info/perl.list', '/usr/bin/perl\n/usr/bin/diverted\n')
  write('info/gone.list', '/etc/gone.conf\n')
  const rows = [
    ['/usr/bin/cat', { name: 'coreutils', version: '9.1-1' }],
    ['/lib/libc.so.6', { name: 'libc6', version: '2.36-9' }],
    ['/usr/bin/diverted.real', { name: 'coreutils', version: '9.1-1' }],
    ['/usr/bin/diverted', { name: 'perl', version: '5.36' }],
    ['/usr/bin/ca', null],
    ['/etc/gone.conf', null],
  ] as const
  for (const [path, owner] of rows) assert.deepEqual(await ownerOf(packages, path), owner, path)
  const known = sampleFile('/usr/bin/cat')
  assert.equal(packages.of(known, mntNs + 1), undefined, 'in another mount namespace it may be another file')
  assert.equal(packages.of({ ...known, unlinked: true }, mntNs), undefined)
  assert.equal(packages.look(sampleFile('/usr/share/x'), mntNs), undefined)
})

test('after dpkg has done something nothing is known until its lists were read again', async (t) => {
  const { write, packages, later } = host(t)
  write('status', status('a', '1'))
  write('info/a.list', '/usr/bin/a\n')
  assert.deepEqual(await ownerOf(packages, '/usr/bin/a'), { name: 'a', version: '1' })
  write('status', status('a', '1.1'))
  later(packageLimits.changeEveryMs)
  void packages.look(sampleFile('/usr/bin/a'), mntNs)
  while (packages.of(sampleFile('/usr/bin/a'), mntNs) !== undefined) await turn()
  later(packageLimits.buildEveryMs)
  assert.deepEqual(await ownerOf(packages, '/usr/bin/a'), { name: 'a', version: '1.1' })
})

test('an index holds no more paths than its limit', async () => {
  const read = async (_: string, take: (hash: number) => void) => {
    for (const path of ['/a', '/b', '/c']) take(hashOfBytes(Buffer.from(path), 0, 2))
  }
  assert.equal((await buildPathIndex(['x'], read, 3)).size, 3)
  await assert.rejects(buildPathIndex(['x', 'y'], read, 5), RangeError)
  assert.deepEqual((await buildPathIndex(['x', 'y'], read, 6)).candidates('/b'), ['x', 'y'])
})

test('lines are read whole through a buffer that is smaller than the file, and one longer than it is passed over', async (t) => {
  const { write, root } = host(t)
  write('lines', `a\n\n${'b'.repeat(6)}\n${'c'.repeat(30)}\nd`)
  const lines: string[] = []
  await readLines(join(root, 'dpkg/lines'), Buffer.alloc(8), (bytes, from, to) =>
    lines.push(bytes.toString('latin1', from, to)),
  )
  assert.deepEqual(lines, ['a', '', 'bbbbbb', 'd'])
})

const skip = existsSync('/var/lib/dpkg/status') ? false : 'this machine has no dpkg'

test("this machine's own programs are of their packages", { skip }, async () => {
  const packages = createPackages(systemClock, { dpkg: '/var/lib/dpkg', root: '/' }, mntNs)
  const nameOf = async (path: string) => (await ownerOf(packages, realpathSync(path)))?.name
  assert.equal(await nameOf('/bin/cat'), 'coreutils')
  assert.equal(await nameOf('/usr/bin/dpkg'), 'dpkg')
  assert.equal(await nameOf('/etc/debian_version'), 'base-files')
})
