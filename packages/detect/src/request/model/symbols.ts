// SPDX-License-Identifier: Apache-2.0

/**
 * Of a text what tells an attack from anything else, as symbols below 128: letters are small, a number is one 0, white
 * space is one space, what is not ASCII is one sign, and nothing comes more than three times on end. So a payload is the
 * same one whatever case, number or language is around it, and tokens and padding weigh little. A number that is
 * compared with itself has a sign of its own: `7=7` says more than `7=8`.
 */
export type SymbolReader = {
  /** Of the last text read. */
  readonly symbols: Uint8Array
  /** Appends the symbols of `text` from `from` to `to` to the first `count` ones; returns their new count. */
  append(text: string, from: number, to: number, count: number): number
}

export const edge = 2
const foreign = 1
const nul = 3
const again = 4
const space = 32
const percent = 37
const zero = 48
const underscore = 95
const letterA = 97
const letterZ = 122

/** Of a word no more letters are looked at. */
const wordMax = 16

const symbolOf = Uint8Array.from({ length: 256 }, (_, unit) => {
  if (unit === 0) return nul
  if ((unit >= 9 && unit <= 13) || unit === space || unit === 0xa0) return space
  if (unit < space || unit === 127) return edge
  if (unit > 127) return foreign
  if (unit >= zero && unit <= 57) return zero
  return unit >= 65 && unit <= 90 ? unit + 32 : unit
})

export const isLetter = (symbol: number): boolean => symbol >= letterA && symbol <= letterZ
export const isInWord = (symbol: number): boolean =>
  isLetter(symbol) || symbol === underscore || (symbol >= zero && symbol <= 57)

export function createSymbolReader(symbolsMax: number): SymbolReader {
  const symbols = new Uint8Array(symbolsMax)
  return { symbols, append }

  function append(text: string, from: number, to: number, start: number): number {
    let count = start
    let previous = edge
    let letters = 0
    let exact = 0
    let [number, numberBefore, isCompared] = [0, 0, false]
    for (let at = from; at < to; at += 1) {
      const unit = text.charCodeAt(at)
      let symbol = unit < 256 ? (symbolOf[unit] as number) : foreign
      // The two digits behind a % are looked at as they are: %27 is another thing than %20.
      if (exact > 0) {
        exact -= 1
        if (symbol === zero) symbol = unit
      }
      if (symbol === zero) number = (Math.imul(number, 31) + unit) | 0
      else if (number !== 0) {
        if (isCompared && number === numberBefore) markAgain(count)
        ;[number, numberBefore, isCompared] = [0, number, false]
      }
      if (symbol >= 60 && symbol <= 62) isCompared = true
      else if (isLetter(symbol)) isCompared = false
      if (symbol === percent) exact = 2
      letters = isInWord(symbol) ? letters + (isLetter(symbol) ? 1 : 0) : 0
      const isRepeated = symbol === previous && (symbol === zero || symbol <= space)
      if (isRepeated || letters > wordMax || isFourth(symbol, count)) continue
      symbols[count] = symbol
      count += 1
      previous = symbol
    }
    if (isCompared && number !== 0 && number === numberBefore) markAgain(count)
    return count
  }

  function markAgain(count: number): void {
    if (symbols[count - 1] === zero) symbols[count - 1] = again
  }

  function isFourth(symbol: number, count: number): boolean {
    return count > 2 && symbol === symbols[count - 1] && symbol === symbols[count - 2] && symbol === symbols[count - 3]
  }
}

/** As people read it: what is no character of its own is a dot. */
export const shownSymbol = (symbol: number): string =>
  symbol === again ? '0' : symbol < space ? '·' : String.fromCharCode(symbol)
