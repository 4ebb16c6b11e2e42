// SPDX-License-Identifier: Apache-2.0
// docs/reference/sbom.cdx.json: what Sealwatch is made of, in CycloneDX 1.6. The same sources give the same bytes.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export type Locked = {
  readonly name?: string
  readonly version?: string
  readonly license?: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly link?: boolean
  readonly resolved?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}
/** Path in the lock file -> package. */
export type Lock = Readonly<Record<string, Locked>>

export const readLock = (root: string, path: string): Lock =>
  (JSON.parse(readFileSync(join(root, path), 'utf8')) as { packages: Lock }).packages

type Component = {
  readonly type: 'library' | 'application' | 'platform'
  readonly 'bom-ref': string
  readonly name: string
  readonly version?: string
  /** `excluded`: it builds, checks or tests, and is in nothing that runs. */
  readonly scope: 'required' | 'optional' | 'excluded'
  readonly description?: string
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[]
  readonly licenses?: readonly { readonly expression: string }[]
  readonly purl?: string
}

const nameAt = (path: string, { name }: Locked) => path.split('node_modules/').at(-1) || (name ?? path)
const npmPurl = (name: string, version = '') => `pkg:npm/${name.replace('@', '%40')}@${version}`
const folderOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('node_modules/') - 1))

/** Where node finds `name` from the package at `path`: beside it, or in a folder above. */
export function resolvedIn(lock: Lock, path: string, name: string): string | undefined {
  for (let at = path; ; at = folderOf(at)) {
    const found = join(at, 'node_modules', name)
    const locked = lock[found]
    if (locked !== undefined) return locked.link === true ? locked.resolved : found
    if (at === '') return undefined
    // From packages/x and apps/x there is the root alone.
    if (!at.includes('node_modules/')) {
      const atRoot = lock[join('node_modules', name)]
      return atRoot?.link === true ? atRoot.resolved : atRoot && join('node_modules', name)
    }
  }
}

/** A package for another platform that was never installed here has the licence of the one that asks for it. */
export function licenceOf(lock: Lock, path: string): string | undefined {
  const own = lock[path]?.license
  if (own !== undefined) return own
  const name = nameAt(path, lock[path] ?? {})
  return Object.values(lock).find(({ optionalDependencies = {} }) => Object.hasOwn(optionalDependencies, name))?.license
}

function npmComponents(lock: Lock): Component[] {
  return Object.entries(lock)
    .filter(([path, { link }]) => path !== '' && link !== true)
    .map(([path, locked]) => {
      const { version = '', integrity, dev, optional } = locked
      const name = nameAt(path, locked)
      const licence = licenceOf(lock, path)
      const isOurs = !path.includes('node_modules/')
      return {
        type: isOurs && path.startsWith('apps/') ? 'application' : 'library',
        'bom-ref': path,
        name,
        version,
        scope: dev === true ? 'excluded' : optional === true ? 'optional' : 'required',
        ...(integrity?.startsWith('sha512-') && {
          hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity.slice(7), 'base64').toString('hex') }],
        }),
        ...(licence !== undefined && { licenses: [{ expression: licence.replace(/^\((.*)\)$/, '$1') }] }),
        ...(!isOurs && { purl: npmPurl(name, version) }),
      }
    })
}

function npmDependencies(lock: Lock): { ref: string; dependsOn: string[] }[] {
  return Object.entries(lock)
    .filter(([path, { link }]) => path !== '' && link !== true)
    .map(([path, { dependencies, devDependencies, optionalDependencies }]) => ({
      ref: path,
      dependsOn: Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
        .map((name) => resolvedIn(lock, path, name))
        .filter((found): found is string => found !== undefined && lock[found] !== undefined)
        .toSorted(),
    }))
}

/** What is C, and built where it runs, or is committed as built. */
const ownParts = [
  ['sensor', 'apps/sensor/main.c', 'Apache-2.0', 'the privileged eye, built where it runs'],
  ['sensor.bpf.o', 'apps/sensor/sensor.bpf.o', 'GPL-2.0-only OR BSD-2-Clause', 'its BPF programs, committed as built'],
  ['hashes', 'packages/ledger/native/hashes.c', 'Apache-2.0', 'SHA-256 of many lines, built where it runs'],
  ['windows.wasm', 'packages/detect/native/windows.c', 'Apache-2.0', 'reads text for the model, committed as built'],
  ['events.wasm', 'packages/ledger/native/events.c', 'Apache-2.0', 'reads the lines of events, committed as built'],
] as const

function partComponents(root: string): Component[] {
  return ownParts.map(([name, path, licence, description]) => ({
    type: 'application',
    'bom-ref': path,
    name: `sealwatch-${name}`,
    scope: 'required',
    description,
    hashes: [
      {
        alg: 'SHA-256',
        content: createHash('sha256')
          .update(readFileSync(join(root, path)))
          .digest('hex'),
      },
    ],
    licenses: [{ expression: licence }],
  }))
}

/** The lists of tools/setup: which versions they are is the machine's matter. */
export function debianPackages(root: string): { readonly run: string[]; readonly test: string[] } {
  const text = readFileSync(join(root, 'tools/setup'), 'utf8')
  const list = (name: string) => (new RegExp(`^${name}=\\((.*)\\)$`, 'm').exec(text)?.[1] ?? '').split(' ')
  return { run: list('debian_run'), test: [...list('debian_pkcs11'), ...list('debian_test')] }
}

function debianComponents(root: string): Component[] {
  const { run, test } = debianPackages(root)
  const of = (scope: Component['scope']) => (name: string) =>
    ({ type: 'library', 'bom-ref': `deb:${name}`, name, scope, purl: `pkg:deb/debian/${name}` }) as const
  return [...run.map(of('required')), ...test.map(of('excluded'))]
}

export function sbom(root: string): string {
  const lock = readLock(root, 'package-lock.json')
  const runtime = readLock(root, 'tools/runtime/package-lock.json')
  const { name, version, license } = lock[''] as Required<Pick<Locked, 'name' | 'version' | 'license'>>
  const own = {
    type: 'application',
    'bom-ref': name,
    name,
    version: version ?? '0.1.0',
    licenses: [{ expression: license }],
  }
  const nodes = npmComponents(runtime).map((component) => ({
    ...component,
    type: 'platform',
    'bom-ref': join(dirname('tools/runtime/package-lock.json'), component['bom-ref']),
    scope: 'required',
  }))
  const components = [...npmComponents(lock), ...nodes, ...partComponents(root), ...debianComponents(root)]
  const ours = components.map((component) => component['bom-ref']).filter((ref) => !ref.includes('node_modules/'))
  const dependencies = [
    { ref: name, dependsOn: [...ours, ...nodes.map((node) => node['bom-ref'])].toSorted() },
    ...npmDependencies(lock),
  ]
  const content = { metadata: { component: own }, components, dependencies }
  const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex')
  const uuid = `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    // Of the content, so that the same is called the same.
    serialNumber: `urn:uuid:${uuid}`,
    version: 1,
    ...content,
  }
  return `${JSON.stringify(document, undefined, 2)}\n`
}
