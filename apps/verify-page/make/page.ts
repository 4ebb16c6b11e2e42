// SPDX-License-Identifier: Apache-2.0

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build, type Plugin, transform } from 'esbuild'

const room = join(import.meta.dirname, '..')

const settings = {
  bundle: true,
  write: false,
  minify: true,
  format: 'iife',
  platform: 'browser',
  target: 'es2024',
  charset: 'utf8',
  legalComments: 'inline',
  absWorkingDir: room,
} as const

async function script(entry: string, plugins: Plugin[] = []): Promise<string> {
  const { outputFiles } = await build({ ...settings, entryPoints: [join(room, entry)], plugins })
  return (outputFiles[0]?.text ?? '').trim()
}

/** Gives `worker/source.ts` the worker's own bundle for its text: the page starts it from a blob. */
const workerSource: Plugin = {
  name: 'worker-source',
  setup(building) {
    building.onLoad({ filter: /worker\/source\.ts$/ }, async () => ({
      contents: `export const workerSource = ${JSON.stringify(await script('src/worker/main.ts'))}`,
    }))
  },
}

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** The whole page; the same sources give the same bytes. Nothing but what stands in it can run, and it can reach nothing: the policy says so to the browser. */
export async function buildPage(): Promise<string> {
  const code = await script('src/view/main.ts', [workerSource])
  const css = await transform(await readFile(join(room, 'src/page.css'), 'utf8'), { loader: 'css', minify: true })
  const style = css.code.trim()
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(code)}`,
    `style-src ${hashOf(style)}`,
    'worker-src blob:',
    'img-src data:',
    "connect-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types sealwatch-worker',
  ].join('; ')
  const page = await readFile(join(room, 'src/page.html'), 'utf8')
  return page
    .replace('POLICY', () => policy)
    .replace('<!-- style -->', () => `<style>${style}</style>`)
    .replace('<!-- code -->', () => `<script>${code}</script>`)
}
