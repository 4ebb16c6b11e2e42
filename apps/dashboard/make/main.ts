// SPDX-License-Identifier: Apache-2.0
//
// Builds the dashboard into apps/dashboard/dist: node apps/dashboard/make/main.ts [OUT]

import { join, relative } from 'node:path'
import process from 'node:process'
import { buildDashboard } from './build.ts'

const out = process.argv[2] ?? join(import.meta.dirname, '../dist')
const served = await buildDashboard(out)
console.log(`${relative(process.cwd(), out)}: ${served.length} files`)
