// SPDX-License-Identifier: Apache-2.0

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '@sealwatch/base'
import { loadRules, type RuleFile, type Ruleset } from '@sealwatch/detect'

/** The rules that come with the program. */
export const standardRules: string = join(import.meta.dirname, '../../../../rules')

const filesMax = 10_000
const fileBytesMax = 1024 * 1024

/** Every .yml file below `dir`, in order of its path; one that is too large, or none, is read as empty and named as a problem later. */
export function readRuleFiles(dir: string): RuleFile[] {
  return (readdirSync(dir, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.yml') || name.endsWith('.yaml'))
    .sort()
    .slice(0, filesMax)
    .map((path) => {
      const full = join(dir, path)
      const stats = statSync(full)
      return { path, text: stats.isFile() && stats.size <= fileBytesMax ? readFileSync(full, 'utf8') : '' }
    })
}

/** A bad rule is named and left out; the others work. */
export function loadRuleset(files: readonly RuleFile[], log: Log): Ruleset {
  const { ruleset, problems, notices } = loadRules(files)
  for (const { path, line, error } of problems) log.error('a rule is left out', { path, line, error })
  for (const { path, text } of notices) log.warn(`a rule is not what it seems: ${text}`, { path })
  log.info('rules loaded', { rules: ruleset.rules.length, left_out: problems.length })
  return ruleset
}
