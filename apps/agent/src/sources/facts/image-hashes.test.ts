// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { linkSync, mkdtempSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Clock, systemClock } from '@sealwatch/base'
import { sampleFile, sampleTask } from '../../observe/sample-observations.ts'
import { createImageHashes, type Exec, imageLimits } from './image-hashes.ts'

/** CLOCK_BOOTTIME is taken as Unix time minus this. */
const offsetNs = 1_000_000_000_000_000_000n
const bootNs = () => systemClock.nowNs() - offsetNs
const secondNs = 1_000_000_000n

function folder(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'sealwatch-images-'))
  t.after(() => rmSync(root, { recursive: true }))
  const image = (name: string, content: string) => {
    writeFileSync(join(root, name), content)
    return join(root, name)
  }
  return { root, image, images: createImageHashes(systemClock, bootNs) }
}

/** Of the object at the path, started `afterNs` after its last change. */
function execOf(path: string, change = {}, afterNs = secondNs): Exec {
  const { dev, ino, ctimeNs } = statSync(path, { bigint: true })
  const kernelDev = Number((((dev >> 8n) & 0xfffn) << 20n) | (dev & 0xffn) | ((dev >> 12n) & 0xfff00n))
  const file = sampleFile(path, { dev: kernelDev, ino, ...change })
  const timeNs = ctimeNs - offsetNs + afterNs
  const launch = {
    kind: 'exec',
    filename: path,
    argv: [],
    variables: [],
    variablesCut: false,
    secure: false,
    networkDescriptors: [],
  } as const
  return { ...launch, timeNs, truncated: false, actor: sampleTask(), file }
}
const sha256 = (content: string) => createHash('sha256').update(content).digest('hex')

test('an image is hashed once, and proven for execs after which it was found unchanged', async (t) => {
  const { image, images } = folder(t)
  const exec = execOf(image('a', 'one'))
  assert.equal(images.of(exec.file, exec.timeNs), undefined)
  await images.look(exec)
  assert.deepEqual(images.of(exec.file, exec.timeNs), { sha256: sha256('one'), isProven: true })
  const later = { ...exec, timeNs: exec.timeNs + secondNs }
  assert.equal(images.of(later.file, later.timeNs)?.isProven, false, 'nobody looked since')
  await images.look(later)
  assert.equal(images.of(later.file, later.timeNs)?.isProven, true)
})

test('an image that was changed at the time of the exec or after it is hashed as it is, and proves nothing', async (t) => {
  const { image, images } = folder(t)
  for (const afterNs of [-secondNs, 0n, 19_000_000n]) {
    const exec = execOf(image('a', `content ${afterNs}`), {}, afterNs)
    await images.look(exec)
    assert.deepEqual(images.of(exec.file, exec.timeNs), { sha256: sha256(`content ${afterNs}`), isProven: false })
  }
})

test('what was written to the same inode since is hashed anew', async (t) => {
  const { image, images } = folder(t)
  await images.look(execOf(image('a', 'one')))
  const exec = execOf(image('a', 'other'))
  await images.look(exec)
  assert.equal(images.of(exec.file, exec.timeNs)?.sha256, sha256('other'))
})

test('another object at the path, a link to it, one without a name, on the network or too large has no hash', async (t) => {
  const { root, image, images } = folder(t)
  const path = image('a', 'one')
  symlinkSync(path, join(root, 'link'))
  const large = image('large', '')
  truncateSync(large, imageLimits.bytesMax + 1)
  const cases: Record<string, Exec> = {
    'another inode': execOf(path, { ino: 1n }),
    'another device': execOf(path, { dev: 1 }),
    'a symbolic link': execOf(path, { path: join(root, 'link') }),
    unlinked: execOf(path, { unlinked: true, nlink: 0 }),
    nfs: execOf(path, { fsMagic: 0x6969 }),
    'a beginning that was lost': execOf(path, { path: `?${path}` }),
    gone: execOf(path, { path: join(root, 'gone') }),
    'too large': execOf(large),
  }
  for (const [name, exec] of Object.entries(cases)) {
    await images.look(exec)
    assert.equal(images.of(exec.file, exec.timeNs), undefined, name)
  }
  linkSync(path, join(root, 'hard'))
  const hard = execOf(join(root, 'hard'))
  await images.look(hard)
  assert.equal(images.of(hard.file, hard.timeNs)?.sha256, sha256('one'), 'a hard link is the object')
})

test('no more is begun than a second and a queue have room for', async (t) => {
  const { image } = folder(t)
  const stillClock: Clock = { ...systemClock, monotonicNs: () => 0n }
  const images = createImageHashes(stillClock, bootNs)
  const files = Array.from({ length: imageLimits.checksPerSecondMax + 3 }, (_, i) => execOf(image(`f${i}`, `${i}`)))
  const begun = files.map((exec) => images.look(exec))
  await Promise.all(begun)
  assert.equal(begun.filter((one) => one === undefined).length, 3)
  const hashed = files.filter(({ file, timeNs }) => images.of(file, timeNs) !== undefined)
  assert(hashed.length >= imageLimits.waitingMax && hashed.length <= imageLimits.checksPerSecondMax)
})
