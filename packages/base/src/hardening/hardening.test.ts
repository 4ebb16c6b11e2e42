// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { isSealwatchError } from '../errors.ts'
import { createLog } from '../log.ts'
import { refuseForeignEnvironment } from './environment.ts'
import { attempt, type Hardening, together } from './hardening.ts'
import { denyFilter } from './seccomp.ts'
import { deniedCalls } from './syscalls.ts'

const refused: Record<string, RegExp> = {
  'read elsewhere': /^EACCES$/,
  'read elsewhere, on a thread of the pool': /^EACCES$/,
  'read elsewhere, on a thread of its own': /^EACCES$/,
  'read elsewhere, by a program': /Command failed/,
  'write elsewhere': /^EACCES$/,
  'rename to elsewhere': /^(EACCES|EXDEV)$/,
  'start what it wrote': /^EACCES$/,
}

test('RIM-6: a confined process does its work, and nothing else, on no thread', {
  skip: process.platform !== 'linux',
}, (t) => {
  const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'sealwatch-confined-')))
  try {
    const [own = '', elsewhere = ''] = folders
    writeFileSync(join(elsewhere, 'secret'), 'x', { mode: 0o644 })
    const program = join(import.meta.dirname, 'test/confined.ts')
    const argv = ['--disable-warning=ExperimentalWarning', program, own, elsewhere]
    const text = execFileSync(process.execPath, argv, { encoding: 'utf8', env: { PATH: process.env.PATH } })
    const { hardening, outcomes, said } = JSON.parse(text) as {
      hardening: Hardening
      outcomes: Record<string, string>
      said: string[]
    }
    const missing = new Set(hardening.missing.map(({ measure }) => measure))
    assert.equal(said.length, missing.size)
    if (missing.size > 0) t.diagnostic(`not on this kernel: ${JSON.stringify(hardening.missing)}`)
    for (const [what, outcome] of Object.entries(outcomes)) {
      if (Object.hasOwn(deniedCalls, what))
        assert.ok(missing.has('system_calls') || outcome === `Error: ${what}: EPERM`, `${what}: ${outcome}`)
      else if (refused[what] === undefined) assert.equal(outcome, 'ok', what)
      else if (!missing.has('places')) assert.match(outcome, refused[what], what)
    }
    for (const what of [...Object.keys(refused), ...Object.keys(deniedCalls)]) assert.ok(what in outcomes, what)
    assert.equal(existsSync(join(elsewhere, 'new')) && !missing.has('places'), false)
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  }
})

test('RIM-6: the filter leads calls of another architecture, x32 and each that is denied to EPERM, and no other', () => {
  for (const [machine, arch] of [
    ['x64', 0xc000_003e],
    ['arm64', 0xc000_00b7],
  ] as const) {
    const filter = denyFilter(machine)
    const ends = (audit: number, call: number) =>
      run(
        filter,
        new Map([
          [4, audit],
          [0, call],
        ]),
      )
    const denied = new Set<number>(Object.values(deniedCalls).map((row) => row[machine]))
    for (let call = 0; call < 512; call++)
      assert.equal(ends(arch, call), denied.has(call) ? 0x0005_0001 : 0x7fff_0000, `${machine} ${call}`)
    assert.equal(ends(0x4000_0003, 0), 0x0005_0001)
    if (machine === 'x64') assert.equal(ends(arch, 0x4000_0000), 0x0005_0001)
  }
})

/** What the kernel would return for a call. */
function run(filter: Uint8Array, data: ReadonlyMap<number, number>): number {
  const view = new DataView(filter.buffer)
  let value = 0
  for (let at = 0; ; at += 8) {
    const [code, k] = [view.getUint16(at, true), view.getUint32(at + 4, true)]
    if (code === 0x06) return k
    if (code === 0x20) value = data.get(k) ?? assert.fail(`offset ${k}`)
    else at += view.getUint8((code === 0x15 ? value === k : value >= k) ? at + 2 : at + 3) * 8
  }
}

test('AGT-4: what loads code into Node, opens it or weakens it is refused by name, and what is harmless is not', () => {
  const env = {
    NODE_OPTIONS: '',
    LD_PRELOAD: '/x.so',
    NODE_DEBUG: 'tls',
    OPENSSL_CONF: '/x',
    NODE_ENV: 'production',
    PATH: '/bin',
  }
  assert.throws(
    () => refuseForeignEnvironment(env),
    (error) =>
      isSealwatchError(error, 'ENVIRONMENT_FOREIGN') &&
      error.received === '"LD_PRELOAD, NODE_DEBUG, NODE_OPTIONS, OPENSSL_CONF"',
  )
  refuseForeignEnvironment({ NODE_ENV: 'x', NODE_COMPILE_CACHE: '/x', NODE_TEST_WORKER_ID: '1', LDAP: 'x', HOME: '/' })
})

test('RIM-6: what a kernel has not is told with its reason, and the rest holds', () => {
  const said: string[] = []
  const log = createLog(
    'test',
    (line) => said.push(line),
    () => 0,
  )
  const fails = () => {
    throw new Error('landlock_create_ruleset: ENOSYS')
  }
  const told = together(attempt({ places: fails, no_core_dumps: () => undefined }, log), together())
  assert.deepEqual(told, {
    applied: ['no_core_dumps'],
    missing: [{ measure: 'places', reason: 'landlock_create_ruleset: ENOSYS' }],
  })
  assert.equal(said.length, 1)
  assert.equal(JSON.parse(said[0] ?? '').level, 'warn')
})
