// SPDX-License-Identifier: Apache-2.0
//
// Builds the verify page into one file: node apps/verify-page/make/main.ts [OUT]

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import process from 'node:process'
import { buildPage } from './page.ts'

const path = process.argv[2] ?? join(import.meta.dirname, '../dist/verify.html')
const page = await buildPage()
await mkdir(dirname(path), { recursive: true })
await writeFile(path, page)
console.log(`${relative(process.cwd(), path)}: ${Math.ceil(Buffer.byteLength(page) / 1024)} KiB`)
