// SPDX-License-Identifier: Apache-2.0

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { brotliCompressSync, gzipSync, constants as zlib } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { build, type Plugin } from 'vite'
import { paths } from '../src/model/places.ts'

/** What a server serves: a row of `dist/served.json`. */
export type Served = {
  readonly file: string
  /** Where it is found. */
  readonly paths: readonly string[]
  readonly type: string
  /** Its name changes with its content. */
  readonly immutable: boolean
  readonly encodings: { readonly br?: string; readonly gzip?: string }
}

const room = join(import.meta.dirname, '..')
const manifest = 'served.json'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

/** The letters are there with the first words, so that nothing moves. */
const preloadFonts: Plugin = {
  name: 'preload-fonts',
  transformIndexHtml: {
    order: 'post',
    handler: (_html, { bundle = {} }) =>
      Object.keys(bundle)
        .filter((file) => /(?:inter-latin-wght|mono-latin-400)-normal-[\w-]+\.woff2$/.test(file))
        .map((file) => ({
          tag: 'link',
          attrs: { rel: 'preload', href: `/${file}`, as: 'font', type: 'font/woff2', crossorigin: '' },
          injectTo: 'head' as const,
        })),
  },
}

/** Builds into `out`, with what each file is served as. */
export async function buildDashboard(out: string): Promise<readonly Served[]> {
  await build({
    root: room,
    configFile: false,
    logLevel: 'warn',
    plugins: [react(), preloadFonts],
    build: {
      outDir: out,
      emptyOutDir: true,
      target: 'es2024',
      // A strict policy lets nothing in that stands in the page itself.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  })
  const names = (await readdir(out, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(out.length + 1))
    .sort()
  const served: Served[] = []
  for (const file of names) {
    const type = types[extname(file)]
    if (type === undefined) throw new Error(`${file} is of no kind that is served: name its type in make/build.ts`)
    const isPage = file === 'index.html'
    served.push({
      file,
      paths: isPage ? paths : [`/${file}`],
      type,
      immutable: file.startsWith('assets/'),
      encodings: type === types['.woff2'] ? {} : await encoded(out, file),
    })
  }
  await writeFile(join(out, manifest), `${JSON.stringify(served, null, 2)}\n`)
  return served
}

async function encoded(out: string, file: string): Promise<Served['encodings']> {
  const bytes = await readFile(join(out, file))
  const br = brotliCompressSync(bytes, { params: { [zlib.BROTLI_PARAM_SIZE_HINT]: bytes.length } })
  const gzip = gzipSync(bytes, { level: 9 })
  await Promise.all([writeFile(join(out, `${file}.br`), br), writeFile(join(out, `${file}.gz`), gzip)])
  return { br: `${file}.br`, gzip: `${file}.gz` }
}
