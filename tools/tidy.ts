// SPDX-License-Identifier: Apache-2.0
// The house rules that a program can check (DESIGN of imports, docs/adr). `node tools/tidy.ts` reports and exits 1.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import process from 'node:process'

/** Path from the root of the repository -> content. */
export type Tree = ReadonlyMap<string, string>
export type Fault = { readonly path: string; readonly line: number; readonly message: string }
export type Rule = { readonly name: string; readonly check: (tree: Tree) => Fault[] }

/** What each room may import of ours. Everything else of ours is out of bounds. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'packages/base': [],
  'packages/contract': [],
  'packages/keys': ['base', 'contract'],
  'packages/ledger': ['base', 'contract', 'keys'],
  'packages/producer': ['base', 'contract', 'keys'],
  'packages/protect': ['base/clock', 'base/errors'],
  'packages/detect': ['base', 'contract'],
  'packages/scan': ['base', 'contract'],
  'apps/agent': ['base', 'contract', 'keys', 'ledger', 'detect', 'scan', 'protect'],
  'apps/server': ['base', 'contract', 'keys', 'ledger', 'detect', 'scan', 'protect'],
  'apps/witness': ['base', 'contract', 'keys', 'ledger'],
  'apps/signing-proxy': ['base', 'contract', 'keys', 'ledger'],
  'apps/dev-login': ['base', 'contract'],
  'apps/cli': ['base', 'contract', 'keys', 'ledger', 'producer', 'detect', 'scan', 'protect'],
  'apps/dashboard': ['base/json', 'base/time', 'contract', 'ledger/verify'],
  'apps/verify-page': ['base/errors', 'base/json', 'contract', 'keys/dsse', 'keys/public-key', 'ledger/verify'],
}

/** A slice imports only slices to its left, through their index.ts. */
const serverSlices = [
  'store',
  'identity',
  'tenants',
  'access',
  'custody',
  'trust',
  'presence',
  'ingest',
  'detect',
  'policies',
  'fleet',
  'drills',
  'incident',
  'respond',
  'notify',
  'archive',
  'api',
  'fsck',
]

/** What a browser runs too. */
const browserEntries = [
  'packages/ledger/src/verify/index.ts',
  'packages/base/src/base64.ts',
  'packages/base/src/json.ts',
  'packages/base/src/errors.ts',
  'packages/base/src/time.ts',
  'packages/contract/src/index.ts',
  'packages/contract/src/filter/index.ts',
  'packages/contract/src/policy/index.ts',
  'packages/keys/src/dsse.ts',
  'packages/keys/src/manifests/index.ts',
  'packages/keys/src/public-key.ts',
  'apps/dashboard/src/main.tsx',
  'apps/verify-page/src/view/main.ts',
  'apps/verify-page/src/worker/main.ts',
]

const linesGuide = 300

const isCode = (path: string) => /\.(ts|tsx)$/.test(path) && !path.includes('/gen/')
const isTest = (path: string) => /\.test\.tsx?$/.test(path) || /(^|\/)test\//.test(path)
const isHouse = (path: string) => /^(packages|apps)\//.test(path)
const roomOf = (path: string) => path.split('/').slice(0, 2).join('/')

// --- rules ---------------------------------------------------------------------------------------------------------

const importDirection: Rule = {
  name: 'imports',
  check: (tree) =>
    importsIn(tree, (path) => isCode(path) && isHouse(path)).flatMap(({ path, line, target }) => {
      const room = roomOf(path)
      if (target.startsWith('.')) {
        const to = resolve(path, target)
        // The sensor is C; what its tests need is what reads its frames in earnest.
        if (room === 'apps/sensor' && roomOf(to) === 'apps/agent') return []
        if (roomOf(to) !== room && isHouse(to))
          return fault(
            path,
            line,
            `imports ${to} by its path: import the package by its name, as @sealwatch/${to.split('/')[1]}`,
          )
        return room === 'apps/server' ? sliceFault(path, line, to) : []
      }
      const ours = /^@sealwatch\/(.+)$/.exec(target)?.[1]
      if (ours === undefined) return []
      const allowed = mayImport[room] ?? []
      const isAllowed = allowed.some((name) => ours === name || (!name.includes('/') && ours.startsWith(`${name}/`)))
      const instead = allowed.length === 0 ? 'only node: and its own dependencies' : allowed.join(', ')
      return isAllowed
        ? []
        : fault(path, line, `${room} may not import ${target}: use ${instead}, or move what is shared down`)
    }),
}

function sliceFault(path: string, line: number, to: string): Fault[] {
  const own = sliceOf(path)
  const other = sliceOf(to)
  if (other === undefined || other === own) return []
  if (serverSlices.indexOf(other) === -1)
    return fault(path, line, `server has no slice ${other}: add it to tools/tidy.ts in its place`)
  if (own !== undefined && serverSlices.indexOf(other) > serverSlices.indexOf(own))
    return fault(
      path,
      line,
      `slice ${own} may not import ${other}, which stands to its right: take it as a parameter from compose.ts`,
    )
  if (isTest(path) || to === `apps/server/src/${other}/index.ts`) return []
  return fault(path, line, `imports the inside of slice ${other}: import apps/server/src/${other}/index.ts`)
}

/** Undefined for what stands directly in src: main.ts and compose.ts. */
const sliceOf = (path: string) => /^apps\/server\/src\/(?!compose\/)([^/]+)\//.exec(path)?.[1]

const declaredDependencies: Rule = {
  name: 'declared',
  check: (tree) =>
    importsIn(tree, (path) => isCode(path) && isHouse(path) && !isTest(path)).flatMap(({ path, line, target }) => {
      if (/^(\.|node:)/.test(target)) return []
      const name = target
        .split('/')
        .slice(0, target.startsWith('@') ? 2 : 1)
        .join('/')
      const manifest = `${roomOf(path)}/package.json`
      const { name: own, dependencies, optionalDependencies } = parseManifest(tree, manifest)
      if (name === own || Object.hasOwn({ ...dependencies, ...optionalDependencies }, name)) return []
      return fault(path, line, `imports ${name}, which ${manifest} does not name: add it to its dependencies`)
    }),
}

const environment: Rule = {
  name: 'environment',
  check: (tree) =>
    linesIn(tree, (path) => isCode(path) && isHouse(path) && !isTest(path) && !/(^|\/)main\.ts$/.test(path)).flatMap(
      ({ path, line, text }) =>
        /\bprocess\.(env|argv)\b/.test(text)
          ? fault(path, line, 'reads process.env or process.argv: read it in main.ts and pass the value')
          : [],
    ),
}

const ambientTime: Rule = {
  name: 'time',
  check: (tree) =>
    linesIn(
      tree,
      (path) => isCode(path) && isHouse(path) && !isTest(path) && !path.startsWith('packages/base/'),
    ).flatMap(({ path, line, text }) => {
      const found = /(?<![.\w])(Date\.now|Math\.random|setTimeout|setInterval|new Date\(\))|['"]node:timers/.exec(
        text,
      )?.[0]
      if (found === undefined) return []
      return fault(
        path,
        line,
        `uses ${found}: take a Clock (packages/base) or node:crypto randomBytes, so that a test can own it`,
      )
    }),
}

/** The one door out; the signing proxy's callers, which keys own, bring certificates of their own to a place that is set. */
const outgoing: Rule = {
  name: 'outgoing',
  check: (tree) =>
    linesIn(tree, (path) => isCode(path) && path.startsWith('apps/server/src/') && !isTest(path)).flatMap(
      ({ path, line, text }) => {
        const found =
          /(?<![.\w])fetch\(|globalThis\.fetch|\b(?:request|get)\b[^'"]*\bfrom ['"]node:https?['"]|from ['"]node:dgram['"]/.exec(
            text,
          )?.[0]
        return found === undefined
          ? []
          : fault(path, line, `has ${found}: what the server asks of others goes by @sealwatch/base/outgoing`)
      },
    ),
}

const licence: Rule = {
  name: 'licence',
  check: (tree) =>
    [...tree]
      .filter(
        ([path, text]) => (/\.(ts|tsx|c|h|proto)$/.test(path) && !path.includes('/gen/')) || text.startsWith('#!'),
      )
      .filter(([, text]) => !/SPDX-License-Identifier: /.test(text.split('\n').slice(0, 2).join('\n')))
      .flatMap(([path]) => fault(path, 1, 'has no SPDX line: begin it with // SPDX-License-Identifier: Apache-2.0')),
}

const browserSafe: Rule = {
  name: 'browser',
  check: (tree) => {
    const seen = new Set<string>()
    const faults: Fault[] = []
    const visit = (path: string) => {
      if (seen.has(path) || !tree.has(path)) return
      seen.add(path)
      for (const { line, target } of importsOf(path, tree.get(path) ?? '')) {
        if (target.startsWith('node:'))
          faults.push(
            ...fault(path, line, `imports ${target}, but a browser runs this too: take what it gives as a parameter`),
          )
        else if (target.startsWith('.')) visit(resolve(path, target))
        else if (target.startsWith('@sealwatch/')) visit(entryOf(tree, target))
      }
    }
    for (const entry of browserEntries) visit(entry)
    return faults
  },
}

/** The file behind `@sealwatch/name` or `@sealwatch/name/part`, by the exports of its package.json. */
function entryOf(tree: Tree, target: string): string {
  const [, name = '', part] = target.split('/')
  const entry = parseManifest(tree, `packages/${name}/package.json`).exports?.[part === undefined ? '.' : `./${part}`]
  return entry === undefined ? '' : normalize(join('packages', name, entry))
}

const machinePaths: Rule = {
  name: 'paths',
  check: (tree) =>
    linesIn(tree, (path) => !/(\.test|(^|\/)tidy)\.ts$/.test(path)).flatMap(({ path, line, text }) => {
      const found = /(?<![\w.])\/(?:home|Users)\/[\w.-]+/.exec(text)?.[0] ?? /"resolved": "https?:/.exec(text)?.[0]
      return found === undefined
        ? []
        : fault(path, line, `names ${found}, which exists on one machine: make it relative or a setting`)
    }),
}

const unfinished: Rule = {
  name: 'unfinished',
  check: (tree) =>
    linesIn(
      tree,
      (path) => (isCode(path) || /\.(c|h|md)$/.test(path)) && !/(\.test|(^|\/)tidy)\.ts$/.test(path),
    ).flatMap(({ path, line, text }) =>
      /\b(TODO|FIXME|XXX)\b/.test(text)
        ? fault(path, line, 'is not finished: finish it, or open an issue and say so there')
        : [],
    ),
}

const map: Rule = {
  name: 'map',
  check: (tree) => {
    const rooms = new Set([...tree.keys()].filter(isHouse).map(roomOf))
    const text = tree.get('ARCHITECTURE.md') ?? ''
    const isNamed = (room: string) => new RegExp(`(^|[\\s\`/])${room.split('/')[1]}/`, 'm').test(text)
    return [...rooms]
      .filter((room) => !isNamed(room))
      .flatMap((room) => fault('ARCHITECTURE.md', 1, `does not name ${room}/: say in one line what it is for`))
  },
}

const dependencies: Rule = {
  name: 'dependencies',
  check: (tree) => {
    const listed = tree.get('docs/dependencies.md') ?? ''
    return [...tree.keys()]
      .filter((path) => /(^|\/)package\.json$/.test(path))
      .flatMap((path) => {
        const { dependencies: run, devDependencies: dev, optionalDependencies: optional } = parseManifest(tree, path)
        return Object.keys({ ...run, ...dev, ...optional })
          .filter((name) => !name.startsWith('@sealwatch/') && !listed.includes(`\`${name}\``))
          .flatMap((name) =>
            fault(path, 1, `needs ${name}, which docs/dependencies.md does not name: say there why, and its licence`),
          )
      })
  },
}

export const rules: readonly Rule[] = [
  importDirection,
  declaredDependencies,
  environment,
  ambientTime,
  outgoing,
  licence,
  browserSafe,
  machinePaths,
  unfinished,
  map,
  dependencies,
]

/** A guide for the eye, not a rule. */
export function longFiles(tree: Tree): Fault[] {
  return [...tree]
    .filter(([path, text]) => isCode(path) && !isTest(path) && text.split('\n').length > linesGuide)
    .flatMap(([path, text]) => fault(path, 1, `has ${text.split('\n').length} lines: can it be two things?`))
}

// --- reading -------------------------------------------------------------------------------------------------------

type Import = { readonly path: string; readonly line: number; readonly target: string }
const importForm = /(?:^|\s)(?:import|export)\s(?:[^'"]*?\sfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g

function importsOf(path: string, text: string): Import[] {
  return [...text.matchAll(importForm)].map((match) => ({
    path,
    line: text.slice(0, match.index + match[0].length).split('\n').length,
    target: match[1] ?? match[2] ?? '',
  }))
}

const importsIn = (tree: Tree, wanted: (path: string) => boolean): Import[] =>
  [...tree].filter(([path]) => wanted(path)).flatMap(([path, text]) => importsOf(path, text))

const linesIn = (tree: Tree, wanted: (path: string) => boolean) =>
  [...tree]
    .filter(([path]) => wanted(path))
    .flatMap(([path, content]) => content.split('\n').map((text, index) => ({ path, line: index + 1, text })))

type Manifest = {
  name?: string
  exports?: Record<string, string>
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}
const parseManifest = (tree: Tree, path: string) => JSON.parse(tree.get(path) ?? '{}') as Manifest

const resolve = (path: string, target: string) => normalize(join(dirname(path), target))
const fault = (path: string, line: number, message: string): Fault[] => [{ path, line, message }]

const notOurs = new Set(['node_modules', '.git', '.sealwatch', 'build', 'coverage', 'dist'])
const notText = /\.(o|onnx|png|gz|zst|bin)$/

function readTree(root: string, folder = ''): Map<string, string> {
  const tree = new Map<string, string>()
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && !notOurs.has(entry.name))
      for (const [inner, text] of readTree(root, path)) tree.set(inner, text)
    if (entry.isFile() && !notText.test(entry.name)) tree.set(path, readFileSync(join(root, path), 'utf8'))
  }
  return tree
}

if (import.meta.main) {
  const tree = readTree(join(import.meta.dirname, '..'))
  const show = (word: string) => (found: Fault) => console.log(`${found.path}:${found.line}: ${word}${found.message}`)
  longFiles(tree).forEach(show('(only a hint) '))
  const faults = rules.flatMap((rule) => rule.check(tree))
  faults.forEach(show(''))
  console.log(faults.length === 0 ? `tidy: ${tree.size} files in order` : `tidy: ${faults.length} faults`)
  process.exitCode = faults.length === 0 ? 0 : 1
}
