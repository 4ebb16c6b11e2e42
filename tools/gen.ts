// SPDX-License-Identifier: Apache-2.0
// Everything that is generated, in one place. `node tools/gen.ts [--check]`

import { execFileSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { trustStoreSchema } from '../apps/server/src/trust/store-file/parse.ts'
import { policySchema } from '../packages/contract/src/policy/index.ts'
import { openApiText, operationsModule } from './reference/api-client.ts'
import { cliPage } from './reference/cli-page.ts'
import { configurationPage } from './reference/configuration-page.ts'
import { errorsPage } from './reference/errors-page.ts'
import { rolesPage } from './reference/roles-page.ts'
import { sbom } from './reference/sbom.ts'

const root = join(import.meta.dirname, '..')

/** Path from the root -> content. */
export async function generate(): Promise<Map<string, string>> {
  return new Map([
    ...wireTypes(),
    ['docs/reference/openapi.json', openApiText()],
    ['packages/contract/src/gen/api-operations.ts', operationsModule()],
    ['docs/reference/cli.md', await cliPage()],
    ['docs/reference/errors.md', await errorsPage(root)],
    ['docs/reference/configuration.md', await configurationPage(root)],
    ['docs/reference/roles.md', rolesPage()],
    ['docs/reference/sbom.cdx.json', sbom(root)],
    ['docs/reference/trust-store.schema.json', `${JSON.stringify(trustStoreSchema(), undefined, 2)}\n`],
    ['docs/reference/policy.schema.json', `${JSON.stringify(policySchema(), undefined, 2)}\n`],
  ])
}

export function staleIn(generated: ReadonlyMap<string, string>): string[] {
  const current = (path: string) => {
    try {
      return readFileSync(join(root, path), 'utf8')
    } catch {
      return undefined
    }
  }
  return [...generated].filter(([path, text]) => current(path) !== text).map(([path]) => path)
}

/** packages/contract/src/gen, by buf and protoc-gen-es. */
function wireTypes(): [string, string][] {
  const out = mkdtempSync(join(tmpdir(), 'sealwatch-gen-'))
  try {
    const buf = join(root, 'node_modules/.bin/buf')
    execFileSync(buf, ['generate', '--output', out], {
      cwd: join(root, 'packages/contract'),
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    return globSync('src/gen/**/*.ts', { cwd: out })
      .toSorted()
      .map((path) => [join('packages/contract', path), readFileSync(join(out, path), 'utf8')])
  } finally {
    rmSync(out, { recursive: true })
  }
}

if (import.meta.main) {
  const generated = await generate()
  const stale = staleIn(generated)
  if (process.argv.includes('--check')) {
    for (const path of stale) console.log(`${path} is not current: run npm run gen, and commit what it writes`)
    process.exitCode = stale.length === 0 ? 0 : 1
  } else {
    for (const path of stale) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), generated.get(path) ?? '')
      console.log(`wrote ${path}`)
    }
  }
}
