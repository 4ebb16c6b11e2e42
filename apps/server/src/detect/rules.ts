// SPDX-License-Identifier: Apache-2.0

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Disk, Log, SealwatchError } from '@sealwatch/base'
import type { RuleFile } from '@sealwatch/detect'
import { type RecordOptions, recordedState, recordRules, stateOf } from './record-rules.ts'
import { openRulebook, type RulesInForce, type RulesReader } from './rulebook.ts'
import { type FolderState, watchFolders } from './watch-folders.ts'

/** The rules that come with the program. */
export const standardRules: string = join(import.meta.dirname, '../../../../rules')

/** Every .yml file in `dir`, in order of its name. */
export const readRuleFiles = (dir: string): RuleFile[] =>
  readdirSync(dir)
    .filter((name) => name.endsWith('.yml'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(dir, path), 'utf8') }))

/** What judges events, and how it came to be in force. */
export type Rules = RulesReader & {
  readonly inForce: RulesInForce
  readonly folders: readonly FolderState[]
  /** Times that another ruleset took the place of the one before, since the start. */
  readonly reloads: number
  /** Has the folders read anew. */
  reload(): void
  /** Follows the folders, and tells the ledger of each change, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

export type RulesOptions = RecordOptions & {
  /** Of the program: they are as long as it runs. */
  readonly ruleFiles: readonly RuleFile[]
  /** Of the operator. */
  readonly ruleFolders: readonly string[]
  readonly disk: Disk
  readonly log: Log
}

export async function openRules(options: RulesOptions): Promise<Rules> {
  const { ruleFiles, ruleFolders, disk, clock, log } = options
  const book = await openRulebook(ruleFiles, clock)
  const folders = watchFolders({ dirs: ruleFolders, book, disk, clock })
  let reloads = -1
  let logged: string | undefined
  let recorded: string | undefined

  function wrongFolders(): readonly SealwatchError[] {
    return folders.folders.flatMap(({ problem }) => problem ?? [])
  }

  function tellLog({ ruleset, digest, leftOut, notices }: RulesInForce): void {
    for (const { path, line, error, isEarlierKept } of leftOut)
      log.error(isEarlierKept ? 'a rule is as it was before: its file is wrong' : 'a rule is left out', {
        path,
        line,
        error,
      })
    for (const error of wrongFolders())
      log.error('a folder of rules cannot be read; what was in force of it still is', { error })
    for (const { path, text } of notices) log.warn(`a rule is not what it seems: ${text}`, { path })
    log.info('rules loaded', { rules: ruleset.rules.length, left_out: leftOut.length, digest })
  }

  function noted(): string {
    const { inForce } = book
    const state = stateOf(inForce, wrongFolders())
    if (state !== logged) {
      tellLog(inForce)
      reloads += 1
      logged = state
    }
    return state
  }

  await folders.look()
  noted()
  return {
    get ruleset() {
      return book.ruleset
    },
    get inForce() {
      return book.inForce
    },
    get folders() {
      return folders.folders
    },
    get reloads() {
      return reloads
    },
    reload: folders.ring,
    run: (signal) =>
      folders.run(signal, async () => {
        const state = noted()
        recorded ??= await recordedState(options.store)
        if (state !== recorded) await recordRules(options, book.inForce, wrongFolders())
        recorded = state
      }),
  }
}
