// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
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
      'tools/compile-agent',
      'tools/drill-picture',
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

  test('AGT-10 on another system the launcher says what it needs, and installs nothing', () => {
    const dir = mkdtempSync(join(tmpdir(), 'sealwatch-launcher-'))
    for (const [system, code] of [
      ['Darwin', 3],
      ['MINGW64_NT-10.0', 3],
      ['Linux', 0],
    ] as const) {
      writeFileSync(join(dir, 'uname'), `#!/bin/sh\n[ "$1" = -m ] && exec /usr/bin/uname -m\necho ${system}\n`, {
        mode: 0o755,
      })
      const { stderr, status } = sh(join(root, 'sealwatch'), ['version'], {
        env: { PATH: `${dir}:/usr/sbin:/usr/bin:/sbin:/bin` },
      })
      assert.equal(status, code)
      if (code !== 0) assert.match(stderr, new RegExp(`^sealwatch: ${system} cannot be watched.*Linux 5\\.10`))
    }
    rmSync(dir, { recursive: true })
  })

  test('AGT-4 what an environment would have Node do does not get past the launcher', () => {
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', NODE_OPTIONS: '--no-such-flag', OPENSSL_CONF: '/nonexistent' }
    const { status, stderr } = sh('./sealwatch', ['version'], { env })
    assert.deepEqual([status, stderr], [0, ''])
  })

  test('who only asks for help gets it before anything is set up, and nothing is', () => {
    const dir = mkdtempSync(join(tmpdir(), 'sealwatch-launcher-'))
    mkdirSync(join(dir, 'docs/reference'), { recursive: true })
    for (const path of ['sealwatch', 'docs/reference/cli.md']) copyFileSync(join(root, path), join(dir, path))
    const first = (...args: string[]) => {
      const { stdout, status } = sh(join(dir, 'sealwatch'), args)
      return [stdout.split('\n')[0], status]
    }
    const overview = ['Sealwatch sees what happens on this machine, seals it, and proves it afterwards.', 0]
    for (const args of [[], ['help'], ['--help'], ['nothing', '--help']]) assert.deepEqual(first(...args), overview)
    for (const args of [
      ['host', '--help'],
      ['help', 'host', 'config'],
    ])
      assert.deepEqual(first(...args), ['Usage: ./sealwatch host COMMAND [OPTIONS]', 0])
    const cut = sh('bash', ['-c', `${join(dir, 'sealwatch')} help | head -n 1`])
    assert.deepEqual([cut.stdout.split('\n').length, cut.stderr], [2, ''])
    const up = ['Start server, agent and sensor for this machine', 0]
    for (const args of [
      ['up', '--help'],
      ['help', 'up'],
      ['up', '--detach', '-h'],
    ])
      assert.deepEqual(first(...args), up)
    assert.deepEqual(first('audit', 'verify', '-h'), ['Verify evidence offline, from public keys alone', 0])
    assert.deepEqual(readdirSync(dir).toSorted(), ['docs', 'sealwatch'])
    assert.notEqual(first('version')[1], 0, 'what is not help needs what is installed')
    rmSync(dir, { recursive: true })
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
