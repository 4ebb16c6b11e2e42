// SPDX-License-Identifier: Apache-2.0

import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { join } from 'node:path'
import { buildDashboard } from '../../apps/dashboard/make/build.ts'
import { type DashboardFile, readDashboard } from '../../apps/server/src/api/index.ts'

const root = join(import.meta.dirname, '../..')
const kept = join(root, '.sealwatch/dashboards')
/** What it is made of. */
const sources = [
  'package-lock.json',
  'apps/dashboard/{index.html,package.json}',
  'apps/dashboard/{make,public,src}/**',
  'packages/{base,contract,keys,ledger}/src/**',
]

/** The dashboard as its sources are now; whoever needs that first builds it, and keeps it for the others. */
export async function builtDashboard(): Promise<readonly DashboardFile[]> {
  const dir = join(kept, stateOfSources())
  if (!existsSync(dir)) {
    mkdirSync(kept, { recursive: true })
    await using made = await mkdtempDisposable(join(kept, 'making-'))
    const whole = join(made.path, 'whole')
    await buildDashboard(whole)
    try {
      renameSync(whole, dir)
    } catch (error) {
      // Another one was first.
      if (!existsSync(dir)) throw error
    }
  }
  const files = readDashboard(dir)
  if (files === undefined) throw new Error(`${dir} is no build of the dashboard: remove it`)
  return files
}

function stateOfSources(): string {
  const state = createHash('sha256')
  for (const path of globSync(sources, { cwd: root }).sort())
    if (statSync(join(root, path)).isFile())
      state
        .update(`${path}\0`)
        .update(readFileSync(join(root, path)))
        .update('\0')
  return state.digest('hex').slice(0, 32)
}
