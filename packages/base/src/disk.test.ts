// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempDisposable, readdir, readFile, stat, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { test } from 'node:test'
import { makeDirectory, systemDisk } from './disk.ts'

const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-disk-'))
const bytes = (text: string) => Buffer.from(text)

test('appends add up, and what was there is found again', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'log')
  const file = await systemDisk.openAppend(path)
  assert.equal(file.size, 0)
  await file.append([bytes('one '), bytes('two ')])
  await file.append([])
  await file.append([bytes('three')])
  assert.equal(file.size, 13)
  await file.close()
  const again = await systemDisk.openAppend(path)
  assert.equal(again.size, 13)
  await again.truncate(4)
  assert.equal(again.size, 4)
  await again.append([bytes('more')])
  await again.close()
  assert.equal(await readFile(path, 'utf8'), 'one more')
  assert.equal((await stat(path)).mode & 0o777, 0o600)
})

test('many chunks are one append', async () => {
  await using dir = await temporary()
  const file = await systemDisk.openAppend(join(dir.path, 'log'))
  const chunks = Array.from({ length: 5000 }, (_, i) => bytes(`${i}\n`))
  await file.append(chunks)
  await file.close()
  assert.equal(await readFile(file.path, 'utf8'), chunks.join(''))
})

test('a file is replaced whole, with its mode, and nothing is left beside it', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'state.json')
  await systemDisk.replace(path, 'old')
  await writeFile(`${path}.new`, 'left over by a crash, and longer than what follows')
  await systemDisk.replace(path, 'new', 0o644)
  assert.equal(await readFile(path, 'utf8'), 'new')
  assert.equal((await stat(path)).mode & 0o777, 0o644)
  assert.deepEqual(await readdir(dir.path), ['state.json'])
})

test('what is no file is not waited for', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'pipe')
  execFileSync('mkfifo', [path])
  const refused = { code: 'DISK_FAILED', message: /not a regular file/ }
  for (const place of [path, '/dev/zero']) {
    await assert.rejects(systemDisk.read(place), refused)
    await assert.rejects(systemDisk.readAt(place, 0, 10), refused)
  }
  await assert.rejects(systemDisk.readAt(dir.path, 0, 10), { code: 'DISK_FAILED', message: /EISDIR/ })
})

test('a directory is made with its parents, and again without harm', async () => {
  await using dir = await temporary()
  const deep = join(dir.path, 'a', 'b', 'c')
  await makeDirectory(deep)
  await makeDirectory(deep)
  assert.equal((await stat(deep)).mode & 0o777, 0o700)
  await writeFile(join(dir.path, 'file'), '')
  for (const path of [join(dir.path, 'file', 'x', 'y'), '/proc/x/y', ''])
    await assert.rejects(makeDirectory(path), { code: 'DISK_FAILED', kind: 'fatal' })
})

test('a path that cannot be opened is an error with its name, not a leaked handle', async () => {
  await using dir = await temporary()
  await assert.rejects(systemDisk.openAppend(join(dir.path, 'no', 'log')), {
    code: 'DISK_FAILED',
    received: '"ENOENT"',
    attempted: `opening ${join(dir.path, 'no', 'log')}`,
  })
  await assert.rejects(systemDisk.replace(join(dir.path, 'no', 'log'), ''), { code: 'DISK_FAILED' })
})

test('a truncation that fails is an error of ours', async () => {
  await using dir = await temporary()
  const file = await systemDisk.openAppend(join(dir.path, 'log'))
  await file.close()
  await assert.rejects(file.truncate(0), { code: 'DISK_FAILED' })
})

const mountSkip = getuid?.() === 0 ? false : 'SKIPPED: mounting a small disk needs root'

/** A disk of 256 KiB. */
async function smallDisk(): Promise<{ path: string } & AsyncDisposable> {
  const { path, remove } = await temporary()
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'sealwatch-test', path])
  const unmount = async () => {
    execFileSync('umount', [path])
    await remove()
  }
  return { path, [Symbol.asyncDispose]: unmount }
}

test('a full disk: the partial append is taken back, and appending resumes when there is room', {
  skip: mountSkip,
}, async () => {
  await using small = await smallDisk()
  const filler = join(small.path, 'filler')
  await writeFile(filler, Buffer.alloc(192 * 1024))
  const file = await systemDisk.openAppend(join(small.path, 'log'))
  await file.append([bytes('kept\n')])
  await assert.rejects(file.append([Buffer.alloc(128 * 1024, 'x')]), {
    code: 'DISK_FULL',
    kind: 'exhausted',
    attempted: `appending 131072 bytes to ${join(small.path, 'log')}`,
  })
  assert.equal(file.size, 5)
  assert.equal(await readFile(file.path, 'utf8'), 'kept\n')
  await assert.rejects(systemDisk.replace(join(small.path, 'state'), Buffer.alloc(128 * 1024)), { code: 'DISK_FULL' })
  await unlink(filler)
  await file.append([bytes('and more\n')])
  await file.close()
  assert.equal(await readFile(file.path, 'utf8'), 'kept\nand more\n')
})

test('a full disk keeps the old content of a file that could not be replaced', { skip: mountSkip }, async () => {
  await using small = await smallDisk()
  const path = join(small.path, 'state')
  await systemDisk.replace(path, 'old')
  await assert.rejects(systemDisk.replace(path, Buffer.alloc(512 * 1024)), { code: 'DISK_FULL' })
  assert.equal(await readFile(path, 'utf8'), 'old')
  await truncate(`${path}.new`, 0)
  await systemDisk.replace(path, 'new')
  assert.equal(await readFile(path, 'utf8'), 'new')
})

test('a read-only disk is named as such', { skip: mountSkip }, async () => {
  await using small = await smallDisk()
  const file = await systemDisk.openAppend(join(small.path, 'log'))
  await file.close()
  execFileSync('mount', ['-o', 'remount,ro', small.path])
  const readOnly = { code: 'DISK_READ_ONLY', kind: 'denied' }
  await assert.rejects(systemDisk.openAppend(join(small.path, 'log')), readOnly)
  await assert.rejects(systemDisk.replace(join(small.path, 'state'), ''), readOnly)
  await assert.rejects(makeDirectory(join(small.path, 'dir', 'in-it')), readOnly)
})

test('what is read, listed and renamed is told apart from what is not there', async () => {
  await using dir = await temporary()
  const at = (name: string) => join(dir.path, name)
  await systemDisk.makeDirectory(at('a'))
  await systemDisk.replace(at('a/two'), 'twelve bytes')
  await systemDisk.replace(at('a/one'), '')
  assert.deepEqual(await systemDisk.list(at('a')), ['one', 'two'])
  assert.equal(await systemDisk.sizeOf(at('a/two')), 12)
  assert.equal(String(Buffer.from((await systemDisk.readAt(at('a/two'), 7, 99)) ?? [])), 'bytes')
  assert.equal((await systemDisk.read(at('a/one')))?.length, 0)
  for (const missing of [systemDisk.sizeOf(at('b')), systemDisk.read(at('b')), systemDisk.readAt(at('b'), 0, 1)])
    assert.equal(await missing, undefined)
  await assert.rejects(systemDisk.list(at('b')), { code: 'DISK_FAILED' })
  await assert.rejects(systemDisk.read(at('a')), { code: 'DISK_FAILED' })
  await systemDisk.rename(at('a'), at('b'))
  await systemDisk.remove(at('b/one'))
  await systemDisk.remove(at('b/one'))
  assert.deepEqual(await systemDisk.list(at('b')), ['two'])
  assert.equal(await systemDisk.read(at('a/two')), undefined)
  await systemDisk.makeDirectory(at('b/c'))
  await systemDisk.replace(at('b/c/three'), 'x')
  await systemDisk.removeDirectory(at('b'))
  await systemDisk.removeDirectory(at('b'))
  assert.deepEqual(await systemDisk.list(dir.path), [])
})

test('a derived file grows, is cut and is read at once', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'hashes')
  const file = systemDisk.openDerived(path)
  file.append(Buffer.from('abcdef'))
  file.truncate(4)
  file.append(Buffer.from('xy'))
  await file.sync()
  file.close()
  const again = systemDisk.openDerived(path)
  const into = Buffer.alloc(9)
  assert.deepEqual([again.size, again.read(into, 2), into.toString('latin1', 0, 4)], [6, 4, 'cdxy'])
  again.close()
  systemDisk.removeDerived(path)
  systemDisk.removeDerived(path)
  assert.throws(() => systemDisk.openDerived(join(path, 'below')), { code: 'DISK_FAILED' })
})

test('LOG-6: what a process left behind in memory alone is written again before it counts', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'log')
  await writeFile(path, Buffer.alloc(3 * 1024 * 1024 + 7, 'left'))
  const script = `import { systemDisk } from '${import.meta.dirname}/disk.ts'
    await (await systemDisk.openAppend('${path}', 9)).close()`
  const traced = [
    '-f',
    '-qq',
    '-e',
    'trace=pwrite64,write',
    '-P',
    path,
    process.execPath,
    '--input-type=module',
    '-e',
    script,
  ]
  const { stderr } = spawnSync('strace', traced, { encoding: 'utf8' })
  const writes = [...stderr.matchAll(/pwrite64\(.*, (\d+), (\d+)\)\s+= (\d+)/g)].map(([, length, at]) => [
    Number(at),
    Number(length),
  ])
  const MiB = 1024 * 1024
  assert.deepEqual(writes, [
    [9, MiB],
    [9 + MiB, MiB],
    [9 + 2 * MiB, MiB - 2],
  ])
  assert.equal((await readFile(path)).toString('latin1').replaceAll('left', ''), 'lef')
})

test('what is written over is gone from where it lay: the same file, other bytes', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'key')
  await systemDisk.overwrite(path, Buffer.from('secret'))
  const before = await stat(path)
  assert.equal(before.mode & 0o777, 0o600)
  await systemDisk.overwrite(path, Buffer.alloc(6))
  const after = await stat(path)
  assert.deepEqual([after.ino, after.size], [before.ino, 6])
  assert.deepEqual(await readFile(path), Buffer.alloc(6))
})
