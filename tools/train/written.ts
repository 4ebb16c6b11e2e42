// SPDX-License-Identifier: Apache-2.0

import { isPlain } from '../../packages/detect/src/request/model/model.ts'
import { corpusManifest } from './corpus.ts'
import { bytesOf, type Example } from './example.ts'
import { expand, readGrammar } from './grammar.ts'
import { evaded, hidden, written } from './mutate.ts'
import { packageTexts } from './package-texts.ts'
import { type Random, randomFrom, shuffled } from './random.ts'

/** How many of each kind are made. */
export type Amounts = { readonly grammar: number; readonly packages: number }
export const amounts: Amounts = { grammar: 60_000, packages: 15_000 }

/** Examples that are made: from grammars, from texts of packages, and from those of the corpus, written otherwise. */
export function madeExamples(corpus: readonly Example[], { grammar: many, packages }: Amounts = amounts): Example[] {
  const grammar = readGrammar()
  const random = randomFrom(11)
  const honest = () => cut(expand(grammar, 'benign', random), random)
  const attack = () => evaded(expand(grammar, 'attack', random), random)
  const prose = () => expand(grammar, 'prose', random)
  const make = (source: string, isAttack: boolean, text: string): Example => {
    const placed = isAttack ? hidden(text, random, prose) : text
    return { source, isAttack, texts: [bytesOf(written(placed, random, honest))].filter((made) => !isPlain(made)) }
  }
  const examples = [
    ...Array.from({ length: many }, () => make('grammar', false, honest())),
    ...Array.from({ length: many / 2 }, () => make('grammar', true, attack())),
    ...shuffled(packageTexts(corpusManifest.packages), random)
      .slice(0, packages)
      .map((text) => make('packages', false, text)),
    ...rewritten(corpus, random).map(({ source, isAttack, texts: [text = ''] }) => make(source, isAttack, text)),
  ]
  return examples.filter(({ texts }) => texts.length > 0)
}

/** What is cut somewhere, as titles, logs and previews are, is as honest as the whole. */
function cut(text: string, random: Random): string {
  if (text.length < 8 || !random.oneIn(5)) return text
  const from = random.below(text.length - 6)
  return text.slice(from, from + 6 + random.below(60))
}

/** One in two attacks, one in four honest requests: what stands in few of them, as the payload does. */
function rewritten(corpus: readonly Example[], random: Random): Example[] {
  const counts = new Map<string, number>()
  for (const { texts } of corpus) for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  return corpus.flatMap(({ source, isAttack, texts }) => {
    const own = texts.filter((text) => (counts.get(text) as number) < rareMax).sort((a, b) => b.length - a.length)
    const [text] = own
    if (text === undefined || !random.oneIn(isAttack ? 2 : 4)) return []
    return [{ source, isAttack, texts: [isAttack ? evaded(text, random) : text] }]
  })
}

/** A text in more requests belongs to how the corpus was made. */
const rareMax = 200
