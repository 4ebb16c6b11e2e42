// SPDX-License-Identifier: Apache-2.0

import { globSync, readFileSync } from 'node:fs'

export type PackagePin = { readonly name: string; readonly version: string; readonly licence: string }

/**
 * Prose, markdown, code and paths of packages under permissive licences: what honest people write, paste and ask for. The
 * lock file pins their content. What shows attacks, as documentation does, is left out.
 */
export function packageTexts(packages: readonly PackagePin[]): string[] {
  const texts = packages.flatMap((pin) => textsOf(pin))
  const kept = texts
    .map((text) => text.slice(0, textCharsMax))
    .filter((text) => text.length > 15 && !suspicious.test(text))
  return [...new Set(kept)]
}

function textsOf({ name, version }: PackagePin): string[] {
  const folder = new URL(`../../node_modules/${name}/`, import.meta.url)
  const read = (path: string) => readFileSync(new URL(path, folder), 'utf8').slice(0, fileCharsMax)
  const installed = (JSON.parse(read('package.json')) as { version: string }).version
  if (installed !== version)
    throw new Error(`${name} is installed in version ${installed}; corpus.json pins ${version}`)
  const find = (pattern: string) => globSync(pattern, { cwd: folder, exclude: ['node_modules/**'] }).sort()
  return [
    ...find('**/*.md').flatMap((path) => read(path).split(/\n\s*\n/)),
    ...find('**/*.d.ts').flatMap((path) => [...read(path).matchAll(/\/\*\*(.*?)\*\//gs)].map(commentOf)),
    ...find('**/locales/*.js').flatMap((path) =>
      [...read(path).matchAll(/["`]([^"`]{10,})["`]/g)].map(([, text = '']) => text),
    ),
    ...find('**/*.{js,css,map,json}').map((path) => `/${name}/${path}`),
  ]
}

const fileCharsMax = 200_000
const textCharsMax = 600

const commentOf = ([, comment = '']: RegExpMatchArray): string => comment.replace(/^\s*\* ?/gm, '').trim()

const suspicious =
  /child_process|eval\s*\(|<script|onerror|onload=|\.\.\/\.\.|\/etc\/|exec\s*\(|system\(|innerHTML|document\.cookie|javascript:|alert\(|sleep\(|__proto__|\bselect\b.*\bfrom\b|passwd/i
