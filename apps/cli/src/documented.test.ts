// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import { allCommands } from './commands/table.ts'
import { groupOf } from './help.ts'
import { parse } from './parse.ts'

const commandTable = await allCommands()
const root = join(import.meta.dirname, '../../..')
const pages = ['docs/**/*.md', '{apps,packages}/*/README.md']
const documents = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync(pages, { cwd: root })]
/** Up to what ends a command in a shell, in Markdown, or in a string of a program. */
const commandForm = /(?:^|[\s`'"($])(?:\.\/)?sealwatch ((?:'[^']*'|[^'`"|&;>#\n])*)/g

type Found = { readonly at: string; readonly words: readonly string[]; readonly isWhole: boolean }

/** Commands in code of a document: blocks, where each is whole, and words in a sentence, which may leave operands out. */
function commandsIn(file: string): Found[] {
  let isBlock = false
  return readFileSync(join(root, file), 'utf8')
    .split('\n')
    .flatMap((line, i) => {
      if (line.trimStart().startsWith('```')) isBlock = !isBlock
      const code = isBlock || /^ {4,}\S/.test(line) ? [line] : (line.match(/`[^`]+`/g) ?? [])
      return code.flatMap((text) =>
        Array.from(text.matchAll(commandForm), ([, command = '']) => ({
          at: `${file}:${i + 1}: ${command}`,
          words: wordsOf(command),
          isWhole: isBlock,
        })),
      )
    })
    .filter(({ words }) => /^[a-z][a-z-]*$/.test(words[0] ?? '') && !words.includes('[OPTIONS]'))
}

/** As a shell splits it; what stands for a name is one. */
const wordsOf = (command: string): string[] =>
  (command.match(/'[^']*'|[^\s']+/g) ?? [])
    .map((word) => word.replaceAll("'", ''))
    .map((word, i, all) => (/^[A-Z]+$/.test(word) && all[i - 1] === '--tenant' ? word.toLowerCase() : word))
    .map((word) => word.replace('https://SEALWATCH', 'https://sealwatch.example'))

function faultOf({ words, isWhole }: Found): string | undefined {
  const [first = '', second] = words
  const isGroup = groupOf(first, commandTable).length > 0
  if (isGroup && (second === undefined || second === '…') && !isWhole) return undefined
  try {
    parse(words, commandTable)
    return undefined
  } catch (error) {
    if (!isSealwatchError(error, 'CLI_USAGE')) throw error
    const isLeftOut = error.received === undefined && error.attempted.startsWith('reading the arguments')
    return isLeftOut && !isWhole ? undefined : error.message
  }
}

describe('a command that is written down is one that there is', () => {
  test('in the documents', () => {
    const found = documents.flatMap(commandsIn)
    assert.ok(found.length > 100, `${found.length} commands`)
    assert.deepEqual(
      found.flatMap((one) => {
        const fault = faultOf(one)
        return fault === undefined ? [] : [`${one.at}: ${fault}`]
      }),
      [],
    )
  })

  for (const { name, examples } of commandTable)
    test(`in the examples of ${name}`, () => {
      for (const example of examples)
        for (const [, command = ''] of example
          .replace('sealwatch --version', 'sealwatch version')
          .matchAll(commandForm))
          assert.equal(faultOf({ at: example, words: wordsOf(command), isWhole: true }), undefined, example)
    })
})
