// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import { fileOf, placeOf } from '../place.ts'
import { closedAncestor, prepareData, prepareFolders, prepareRun, removeRun } from './layout.ts'
import { boundLog, lastError, lastWords } from './logs.ts'
import { isAlive, taskOf } from './task.ts'
import { parseWatchList, programEntries, watchedPaths } from './watch-list.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root'

describe('layout', { skip }, () => {
  let base: string
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'sealwatch-layout-'))
  })
  afterEach(() => rmSync(base, { recursive: true, force: true }))

  const refused = (received: RegExp) => (error: unknown) => {
    assert.ok(isSealwatchError(error, 'CLI_DATA_UNUSABLE'))
    assert.match(error.received ?? '', received)
    return true
  }

  test('a path at which nothing can be made ends in an error', () => {
    assert.throws(() => prepareData(placeOf('/proc/sealwatch/data')), refused(/ENOENT/))
  })

  function mounted(options: string, work: (path: string) => void) {
    const path = join(base, 'mounted')
    mkdirSync(path)
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path])
    try {
      work(path)
    } finally {
      execFileSync('umount', [path])
    }
  }

  test('a read-only data directory is refused', () => {
    mounted('ro,size=128m', (path) => assert.throws(() => prepareData(placeOf(path)), refused(/EROFS/)))
  })

  test('a data directory without space is refused', () => {
    mounted('size=8m', (path) => assert.throws(() => prepareData(placeOf(path)), refused(/KiB free/)))
  })

  test('a file in the place of a folder is refused, and so is a symbolic link', () => {
    const place = placeOf(join(base, 'data'), join(base, 'run'))
    prepareData(place)
    symlinkSync('/etc', join(place.data, 'server'))
    assert.throws(() => prepareFolders(place), refused(/ELOOP|ENOTDIR/))
    assert.equal(statSync('/etc').uid, 0)
    rmSync(join(place.data, 'server'))
    writeFileSync(join(place.data, 'server'), '')
    assert.throws(() => prepareFolders(place), refused(/EEXIST/))
  })

  test('folders belong to those who need them', () => {
    const place = placeOf(join(base, 'data'), join(base, 'run'))
    prepareData(place)
    prepareFolders(place)
    const seen = (path: string) => {
      const { mode, uid, gid } = statSync(path)
      return `${(mode & 0o777).toString(8)} ${uid}:${gid}`
    }
    assert.equal(seen(place.data), '711 0:0')
    assert.equal(seen(join(place.data, 'server')), '700 64701:64701')
    assert.equal(seen(join(place.data, 'agent')), '700 64702:64702')
    assert.equal(seen(join(place.data, 'log')), '700 0:0')
    assert.equal(seen(join(place.run, 'server')), '700 0:0')
    assert.equal(seen(join(place.run, 'agent')), '750 64702:64702')
    assert.equal(seen(fileOf.canary(place)), '700 0:0')
    assert.equal(seen(join(place.data, 'guard')), '700 64707:64702')
    assert.equal(seen(join(place.data, 'hands')), '700 64708:64708')
    assert.equal(seen(join(place.run, 'guard')), '711 64707:64702')
    assert.equal(seen(join(place.run, 'hands')), '710 64708:64702')
  })

  test('AGT-8 folders that are as they should be are not touched; one that was covered or made anew is another', () => {
    const place = placeOf(join(base, 'data'), join(base, 'run'))
    prepareData(place)
    prepareFolders(place)
    const folders = prepareRun(place)
    const changed = () => statSync(fileOf.canary(place), { bigint: true }).ctimeNs
    const before = changed()
    // The clock of a file system stands still for some milliseconds: what is touched after this has another time.
    const other = join(base, 'other')
    do writeFileSync(other, '')
    while (statSync(other, { bigint: true }).ctimeNs === before)
    assert.deepEqual(prepareRun(place), folders)
    assert.equal(changed(), before)
    const others = () => [...prepareRun(place)].filter(([name, is]) => folders.get(name) !== is).map(([name]) => name)
    const guard = join(place.run, 'guard')
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', guard])
    assert.deepEqual(others(), ['guard'])
    execFileSync('umount', [guard])
    assert.deepEqual(others(), [])
    rmSync(join(place.run, 'hands'), { recursive: true })
    assert.deepEqual(others(), ['hands'])
  })

  test('what an earlier life left in the run directory is gone', () => {
    const place = placeOf(join(base, 'data'), join(base, 'run'))
    prepareData(place)
    prepareFolders(place)
    writeFileSync(fileOf.agentStatus(place), '{}')
    writeFileSync(fileOf.apiSocket(place), '')
    prepareFolders(place)
    assert.equal(existsSync(fileOf.agentStatus(place)) || existsSync(fileOf.apiSocket(place)), false)
  })

  test('the run directory goes, and stays where it holds something else or a mount', () => {
    const place = placeOf(join(base, 'data'), join(base, 'run'))
    const prepare = () => {
      prepareFolders(place)
      const guards = [fileOf.guardSensorSocket, fileOf.guardProtectSocket, fileOf.guardAgentSocket, fileOf.handsSocket]
      const files = [fileOf.agentStatus, fileOf.apiSocket, ...guards].map((fileIn) => fileIn(place))
      for (const path of [...files, join(fileOf.canary(place), 'open')]) writeFileSync(path, '')
    }
    const sensors = '/run/sealwatch-sensor'
    mkdirSync(sensors, { recursive: true, mode: 0o700 })
    const canary = join(sensors, `${place.name}.canary`)
    writeFileSync(canary, '')
    prepareData(place)
    prepare()
    removeRun(place)
    assert.equal(existsSync(place.run) || existsSync(canary), false)
    assert.ok(existsSync(join(place.data, 'server/keys')))
    prepare()
    writeFileSync(join(place.run, 'agent/notes'), '')
    removeRun(place)
    assert.deepEqual(readdirSync(place.run), ['agent'])
    assert.deepEqual(readdirSync(join(place.run, 'agent')), ['notes'])
    prepare()
    execFileSync('mount', ['--bind', place.data, join(place.run, 'data')])
    removeRun(place)
    execFileSync('umount', [join(place.run, 'data')])
    assert.ok(existsSync(fileOf.apiSocket(place)))
  })

  test('finds the folder above that keeps others out', () => {
    mkdirSync(join(base, 'closed/open'), { recursive: true })
    execFileSync('chmod', ['0755', base])
    execFileSync('chmod', ['0700', join(base, 'closed')])
    assert.equal(closedAncestor(placeOf(join(base, 'data'))), undefined)
    assert.equal(closedAncestor(placeOf(join(base, 'closed/open/data'))), join(base, 'closed'))
  })

  test('the watch list is made once, and is the operator’s from then on', () => {
    const place = placeOf(join(base, 'data'))
    prepareData(place)
    const defaults = watchedPaths(place, '/opt/sealwatch')
    assert.ok(defaults.includes('/etc/shadow') && defaults.includes(fileOf.canary(place)))
    assert.ok(defaults.includes('changes,diff:/etc/passwd') && defaults.includes('losses,below:/var/log'))
    writeFileSync(fileOf.watchList(place), '# mine\n\n  /srv/secret  \n')
    const [first, ...rest] = watchedPaths(place, '/opt/sealwatch')
    assert.equal(first, '/srv/secret')
    assert.deepEqual(rest, [...programEntries(place, '/opt/sealwatch', process.execPath), fileOf.canary(place)])
    assert.ok(rest.includes('urgent,changes,below:/opt/sealwatch/apps/sensor'))
    rmSync(fileOf.watchList(place))
    symlinkSync('/dev/zero', fileOf.watchList(place))
    assert.throws(() => watchedPaths(place, '/opt/sealwatch'), /not a regular file/)
    assert.throws(() => parseWatchList('/a\nb/c\n', 'x'), /line 2: b\/c/)
    assert.throws(() => parseWatchList('/a\n'.repeat(257), 'x'), /257 entries/)
    assert.throws(() => parseWatchList('reads:/a\n', 'x'), /line 1: reads:\/a/)
  })

  test('the instance is named by where its data really is', () => {
    mkdirSync(join(base, 'real'))
    symlinkSync(join(base, 'real'), join(base, 'link'))
    assert.deepEqual(placeOf(join(base, 'link/data')), placeOf(join(base, 'real/data')))
    assert.match(placeOf(base).name, /^[0-9a-f]{12}$/)
  })

  test('a log is bounded, and its end can be read', () => {
    const path = join(base, 'x.log')
    writeFileSync(path, 'one\n{"level":"error","msg":"two"}\nthree\n{"level":"error","msg":"two"}\n')
    assert.deepEqual(lastWords(path, 2), ['error: two', 'three'])
    assert.deepEqual(lastWords(path, 5, 4), ['error: two', 'three'])
    assert.deepEqual(lastWords(path, 5, 1000), [])
    assert.equal(lastError(path), 'two')
    assert.equal(lastError(path, 1000), undefined)
    boundLog(path, 100)
    assert.equal(existsSync(`${path}.1`), false)
    boundLog(path, 5)
    assert.equal(readFileSync(`${path}.1`, 'utf8').split('\n').length, 5)
    assert.equal(readFileSync(path, 'utf8'), '')
    boundLog(join(base, 'none.log'))
  })

  test('a task is known by pid and start', () => {
    const self = taskOf(process.pid)
    assert.ok(self && isAlive(self))
    assert.equal(isAlive({ ...self, startTicks: self.startTicks + 1 }), false)
    assert.equal(taskOf(2 ** 22 + 1), undefined)
  })
})
