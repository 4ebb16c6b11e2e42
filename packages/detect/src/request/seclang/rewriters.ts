// SPDX-License-Identifier: Apache-2.0

/** ASCII alone: a byte above is not a letter. */
export function lowerCase(text: string): string {
  if (!/[A-Z]/.test(text)) return text
  return /[\xc0-\xde]/.test(text) ? text.replace(/[A-Z]+/g, (run) => run.toLowerCase()) : text.toLowerCase()
}

/** What two shells make of a command: no quotes, carets and backslashes, one space between words, none before / and (. */
export function commandLine(text: string): string {
  const bare = text
    .replace(/[\\"'^]+/g, '')
    .replace(/[\t\n\r ,;]+/g, ' ')
    .replace(/ (?=[/(])/g, '')
  return lowerCase(bare)
}

export const compressWhitespace = (text: string): string =>
  /[\t-\r\xa0]| {2}/.test(text) ? text.replace(/[\t-\r \xa0]+/g, ' ') : text

/** Each comment of C becomes a space, one that is never closed too. */
export function replaceComments(text: string): string {
  let at = text.indexOf('/*')
  if (at < 0) return text
  let from = 0
  let left = ''
  while (at >= 0) {
    left += `${text.slice(from, at)} `
    const end = text.indexOf('*/', at + 2)
    if (end < 0) return left
    from = end + 2
    at = text.indexOf('/*', from)
  }
  return left + text.slice(from)
}

/** Comments of C and HTML fall away; -- and # end what is read. */
export function removeComments(text: string): string {
  let left = ''
  for (let at = 0; at < text.length; ) {
    const sign = /\/\*|<!--|--|#/g
    sign.lastIndex = at
    const found = sign.exec(text)
    if (!found) return left + text.slice(at)
    left += text.slice(at, found.index)
    const closing = found[0] === '/*' ? '*/' : found[0] === '<!--' ? '-->' : undefined
    const end = closing === undefined ? -1 : text.indexOf(closing, found.index + found[0].length)
    if (closing === undefined || end < 0) return `${left} `
    at = end + closing.length
  }
  return left
}

export const removeCommentSigns = (text: string): string => text.replace(/\/\*|\*\/|<!--|-->|--|#/g, '')

/** Without empty steps, steps in place, and steps back that have something to go back from (RFC 3986, 5.2.4). */
export function normalizePath(text: string): string {
  if (!/\/\/|(?:^|\/)\.{1,2}(?:\/|$)/.test(text)) return text
  const steps = text.split('/')
  const isAbsolute = text.startsWith('/')
  const kept: string[] = []
  for (const step of steps) {
    if (step === '' || step === '.') continue
    if (step === '..' && kept.length > 0 && kept.at(-1) !== '..') kept.pop()
    else if (step !== '..' || !isAbsolute) kept.push(step)
  }
  const isOpen = /(?:^|\/)(?:\.{1,2})?$/.test(text) && kept.length > 0 && kept.at(-1) !== '..'
  return `${isAbsolute ? '/' : ''}${kept.join('/')}${isOpen ? '/' : ''}`
}
