// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'

const root = join(import.meta.dirname, '..')
const scripts = ['sealwatch', '.ci/run', ...readdirSync(join(root, 'tools')).map((name) => `tools/${name}`)].filter(
  (path) => !/\.\w+$/.test(path) && hasShebang(path),
)

function hasShebang(path: string): boolean {
  try {
    return readFileSync(join(root, path), 'utf8').startsWith('#!')
  } catch {
    return false
  }
}

function sh(command: string, args: string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  return spawnSync(command, args, { encoding: 'utf8', cwd: root, ...options })
}

describe('scripts', () => {
  test('all are there', () =>
    assert.deepEqual(scripts.toSorted(), [
      '.ci/run',
      'sealwatch',
      'tools/bench',
      'tools/gen',
      'tools/pictures',
      'tools/setup',
      'tools/test',
      'tools/verify-page',
    ]))

  for (const script of scripts) {
    test(`${script} is well-formed`, () => {
      assert.equal(sh('bash', ['-n', script]).stderr, '')
      const checked = sh('shellcheck', [script])
      if (checked.error === undefined) assert.equal(checked.stdout, '')
    })
  }

  test('the launcher finds its folder through links, from anywhere, without a home', () => {
    const dir = mkdtempSync(join(tmpdir(), 'sealwatch-launcher-'))
    symlinkSync(join(root, 'sealwatch'), join(dir, 'one'))
    symlinkSync('one', join(dir, 'two'))
    const { stdout, status } = sh(join(dir, 'two'), ['version'], {
      cwd: '/',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    })
    rmSync(dir, { recursive: true })
    assert.deepEqual([stdout.split(' ')[0], status], ['sealwatch', 0])
  })

  test('the exit code and the arguments of a command come through', () => {
    const { status, stderr } = sh('./sealwatch', ['no such', '  command'])
    assert.equal(status, 2)
    assert.match(stderr, /no such/)
  })

  test('setup is silent when there is nothing to do, and refuses other goals', () => {
    assert.deepEqual([sh('tools/setup', ['run']).stderr, sh('tools/setup', ['test']).stderr], ['', ''])
    const { status, stderr } = sh('tools/setup', ['everything'])
    assert.equal(status, 2)
    assert.match(stderr, /'everything' is not a goal/)
  })
})
