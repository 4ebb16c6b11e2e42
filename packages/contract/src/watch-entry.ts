// SPDX-License-Identifier: Apache-2.0
// An entry of a watch list (docs/formats/frame.md, 6.9): a path, or words before a colon and a path.

export const entryBytesMax = 4_095

/** Words in the order of the alphabet, but for `urgent`: the guard is told, too. `losses`: only that it is removed, renamed or shortened. */
const ways = ['changes', 'below,changes', 'changes,diff', 'below,changes,diff', 'losses', 'below,losses']
const utf8 = new TextEncoder()

/** Whether it says more than a path: agents before this one knew no words. */
export const hasWords = (entry: string): boolean => !entry.startsWith('/')

/** What is wrong with it; undefined: nothing. */
export function entryProblem(entry: unknown): string | undefined {
  if (typeof entry !== 'string') return 'a path, or words, a colon and a path'
  if (!entry.isWellFormed() || utf8.encode(entry).length > entryBytesMax)
    return `at most ${entryBytesMax} bytes of UTF-8`
  const colon = /^[~/]/.test(entry) ? -1 : entry.indexOf(':')
  return (colon < 0 ? undefined : wordsProblem(entry.slice(0, colon))) ?? pathProblem(entry.slice(colon + 1))
}

function wordsProblem(words: string): string | undefined {
  const all = words.split(',')
  const others = all.filter((word) => word !== 'urgent').sort()
  const isOne = all.length - others.length <= 1 && (others.length === 0 || ways.includes(others.join()))
  return isOne
    ? undefined
    : 'before the colon changes or losses, either with ,below, changes with ,diff, and any of them with urgent,'
}

function pathProblem(path: string): string | undefined {
  if (!/^~?\//.test(path)) return 'an absolute path, or one that begins with ~/, the home of each account'
  if (/\p{Cc}/u.test(path)) return 'a path without control characters'
  const isPlain =
    path === '/' ||
    path
      .slice(path.indexOf('/') + 1)
      .split('/')
      .every((name) => name !== '' && name !== '.' && name !== '..')
  return isPlain ? undefined : 'a path without empty names, . and ..'
}
