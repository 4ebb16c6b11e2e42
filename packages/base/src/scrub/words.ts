// SPDX-License-Identifier: Apache-2.0

/** One word of a shell's text: where it stands, and what a program would get of it. */
export type ShellWord = { readonly start: number; readonly end: number; readonly text: string; readonly quote: string }

/**
 * The simple commands of a text, as a shell would split it; nothing is expanded. What no shell would take, such as a
 * quote that nobody closes, is read as it stands.
 */
export function* commandsIn(text: string): Generator<ShellWord[]> {
  let command: ShellWord[] = []
  /** Quotes of a kind that is not closed any more are looked for once. */
  const unclosed = new Set<string>()
  let at = 0
  while (at < text.length) {
    const unit = text[at] as string
    if (/\s/.test(unit)) at += 1
    else if (/[;|&<>()`]/.test(unit)) {
      if (command.length > 0) yield command
      command = []
      at += 1
    } else {
      const word = wordFrom(text, at, unclosed)
      command.push(word)
      at = word.end
    }
  }
  if (command.length > 0) yield command
}

function wordFrom(text: string, start: number, unclosed: Set<string>): ShellWord {
  let word = ''
  let quote = ''
  let at = start
  while (at < text.length) {
    const unit = text[at] as string
    if ((unit === '"' || unit === "'") && !unclosed.has(unit)) {
      const close = closingQuote(text, at + 1, unit)
      if (close < 0) unclosed.add(unit)
      else {
        word += text.slice(at + 1, close)
        quote ||= unit
        at = close + 1
        continue
      }
    }
    if (/[\s;|<>()`]/.test(unit) || (unit === '&' && /^(?:&|\s|$)/.test(text.slice(at + 1, at + 2)))) break
    const escaped = unit === '\\' && at + 1 < text.length
    word += text.slice(at, at + (escaped ? 2 : 1))
    at += escaped ? 2 : 1
  }
  return { start, end: at, text: word, quote }
}

function closingQuote(text: string, from: number, quote: string): number {
  for (let at = text.indexOf(quote, from); at >= 0; at = text.indexOf(quote, at + 1))
    if (quote === "'" || text[at - 1] !== '\\') return at
  return -1
}
