// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Disk, messageOf, type SealwatchError } from '@sealwatch/base'
import type { RuleFile } from '@sealwatch/detect'
import { ruleError } from './errors.ts'

export const folderLimits = {
  foldersMax: 16,
  filesMax: 10_000,
  /** Whatever else lies there. */
  entriesMax: 100_000,
  depthMax: 8,
  fileBytesMax: 1024 * 1024,
  bytesMax: 64 * 1024 * 1024,
} as const

/** What a look at a folder finds without opening a file: where `mark` is the same, so is what lies there. */
export type FolderLook = {
  readonly dir: string
  /** It, and those below. */
  readonly folders: readonly string[]
  readonly paths: readonly string[]
  readonly mark: string
}

/**
 * Every .yml and .yaml file below `dir`, in order of its path; names that begin with a dot are passed over, and links are
 * followed: a ConfigMap is mounted as such. Throws RULE_FOLDER.
 */
export async function lookInto(dir: string): Promise<FolderLook> {
  const folders: string[] = []
  const paths: string[] = []
  const marks: string[] = []
  let entries = 0
  const refused = (why: string, cause?: unknown) =>
    ruleError('RULE_FOLDER', { attempted: `reading the rules in ${dir}`, received: why, cause })

  async function visit(folder: string, depth: number): Promise<void> {
    if (depth > folderLimits.depthMax) throw refused(`${folder}, which lies deeper`)
    folders.push(folder)
    for (const entry of (await readdir(folder, { withFileTypes: true })).toSorted(byName)) {
      entries += 1
      if (entries > folderLimits.entriesMax) throw refused(`more than ${folderLimits.entriesMax} names`)
      const path = join(folder, entry.name)
      const isRule = /\.ya?ml$/.test(entry.name)
      if (entry.name.startsWith('.') || !(isRule || entry.isDirectory() || entry.isSymbolicLink())) continue
      const found = await stat(path, { bigint: true }).catch(goneAlready)
      if (found?.isDirectory()) await visit(path, depth + 1)
      else if (found !== undefined && isRule) {
        paths.push(path)
        marks.push(`${path} ${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`)
        if (paths.length > folderLimits.filesMax) throw refused(`more than ${folderLimits.filesMax} files`)
      }
    }
  }

  try {
    await visit(dir, 0)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === undefined || /^RULE_/.test(code)) throw cause
    throw refused(messageOf(cause), cause)
  }
  return { dir, folders, paths, mark: hash('sha256', marks.join('\n'), 'hex') }
}

/** A file, or why it could not be read. */
export type ReadFile = RuleFile | { readonly path: string; readonly error: SealwatchError }

/** What lies there. Throws RULE_FOLDER. */
export async function readFiles({ dir, paths }: FolderLook, disk: Pick<Disk, 'readAt'>): Promise<ReadFile[]> {
  const files: ReadFile[] = []
  let total = 0
  for (const path of paths) {
    const attempted = `reading ${path}`
    try {
      const bytes = await disk.readAt(path, 0, folderLimits.fileBytesMax + 1)
      // Between two looks it may go.
      if (bytes === undefined) continue
      total += bytes.length
      const isWhole = bytes.length <= folderLimits.fileBytesMax
      const received = `more than ${folderLimits.fileBytesMax} bytes`
      if (isWhole) files.push({ path, text: Buffer.from(bytes).toString('utf8') })
      else files.push({ path, error: ruleError('RULE_FILE', { attempted, received }) })
    } catch (cause) {
      const received = messageOf((cause as Error).cause ?? cause)
      files.push({ path, error: ruleError('RULE_FILE', { attempted, received, cause }) })
    }
    if (total > folderLimits.bytesMax)
      throw ruleError('RULE_FOLDER', {
        attempted: `reading the rules in ${dir}`,
        received: `more than ${folderLimits.bytesMax} bytes`,
      })
  }
  return files
}

const byName = (a: Dirent, b: Dirent) => (a.name < b.name ? -1 : 1)

const goneAlready = (error: NodeJS.ErrnoException) => {
  if (error.code === 'ENOENT' || error.code === 'ELOOP') return undefined
  throw error
}
