// SPDX-License-Identifier: Apache-2.0

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { RuleFile } from '@sealwatch/detect'
import { cliError } from '../errors.ts'
import { readSmallFile } from '../small-file.ts'

const filesMax = 10_000
const fileBytesMax = 1024 * 1024

/** Each file, and of a folder every .yml and .yaml file below it, in order of its path. Throws CLI_FILE. */
export function readRules(paths: readonly string[]): RuleFile[] {
  const files = paths.flatMap((path) => (readable(path, () => statSync(path)).isDirectory() ? below(path) : [path]))
  if (files.length > filesMax)
    throw cliError('CLI_FILE', { attempted: 'reading rules', received: `${files.length} files of ${filesMax}` })
  return [...new Set(files)].map((path) => ({ path, text: readable(path, () => readSmallFile(path, fileBytesMax)) }))
}

/** As the server reads a folder: names that begin with a dot are passed over. */
const below = (dir: string): string[] =>
  readable(dir, () => readdirSync(dir, { recursive: true, withFileTypes: true }))
    .filter(({ name }) => /^[^.].*\.ya?ml$/.test(name))
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !/\/\./.test(path.slice(dir.length)))
    .toSorted()

export function readable<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    const received = (cause as NodeJS.ErrnoException).code
    throw cliError('CLI_FILE', { attempted: `reading ${path}`, received, cause })
  }
}
