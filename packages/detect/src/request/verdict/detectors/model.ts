// SPDX-License-Identifier: Apache-2.0

import type { Value } from '../../decode/values.ts'
import type { Detector, Told } from '../detector.ts'
import { redact } from '../redact.ts'
import { modelWeightMin, weightsMax } from '../weights.ts'

/** What is asked of a model: how suspicious the worst of a request's values is. */
export type JudgeValues = (values: readonly Value[]) => ModelJudgement
export type ModelJudgement = {
  /** -Infinity when there is nothing to look at. */
  readonly logit: number
  readonly culprit?: Value
  /** There was more text than is read of one request. */
  readonly isCut?: boolean
  /** Heaviest first. */
  reasons(): readonly { readonly ngram: string; readonly weight: number }[]
}

const ngramsShown = 5

export const detectByModel =
  (judge: JudgeValues): Detector =>
  ({ decoded, isExcepted }) => {
    const values = decoded.values.filter((value) => !isOrdinary(value))
    if (isExcepted === undefined) return toldOf(judge(values))
    // The worst value alone is told, so what is excepted is judged by itself.
    const { counted = [], excepted = [] } = Object.groupBy(values, (value) =>
      isExcepted({ where: placeOf(value) }) ? 'excepted' : 'counted',
    )
    const told = [counted, excepted].map((part) => toldOf(judge(part)))
    return { evidence: told.flatMap(({ evidence }) => evidence), isCut: told.some(({ isCut }) => isCut) }
  }

function toldOf({ logit, culprit, isCut = false, reasons }: ModelJudgement): Told {
  if (culprit === undefined || !(logit > modelWeightMin)) return { evidence: [], isCut }
  const ngrams = reasons()
    .slice(0, ngramsShown)
    .map(({ ngram }) => JSON.stringify(redact(ngram)))
  const what = `what attacks are written like: ${ngrams.join(' ')}`
  const weight = Math.min(logit, weightsMax.model)
  return { evidence: [{ what, where: placeOf(culprit), text: culprit.text, weight }], isCut }
}

const placeOf = ({ source, name }: Value) => (name === '' ? source : `${source}:${name}`)

/**
 * Of these a text says no more to the model than a word does: the name of a file that is `photo-1.min.jpg`, types of media, cookies that are all tokens,
 * and lines that end nothing that stands before them, whatever it is.
 */
const isOrdinary = ({ source, name, text }: Value) => {
  if (source === 'FILES') return /^[\w-]+(?:\.\w+)*$/.test(text)
  if (source === 'MULTIPART_PART_HEADERS')
    return /^content-type: ?[a-z]+\/[a-z][\w.+-]*(?:; ?charset=[\w-]+)?$/i.test(text)
  if (source === 'REQUEST_HEADERS' && name === 'cookie') return /^[\w.-]+=[\w-]*(?:; ?[\w.-]+=[\w-]*)*$/.test(text)
  if (source === 'REQUEST_HEADERS' && mediaHeaders.has(name)) return mediaRanges.test(text)
  return text.length <= lineCharsMax && ordinaryLines.some((form) => form.test(text))
}

const mediaHeaders = new Set(['accept', 'content-type'])
/** RFC 9110, 8.3.1, of the types that are registered; and 12.5.1. */
const mediaType = /^(?:application|audio|font|image|message|model|multipart|text|video)\/[a-z][\w.+-]{0,63}$/i
const mediaRanges =
  /^(?:\*|[a-z]{1,16})\/[\w.+*-]{1,64}(?: ?; ?[a-z]{1,16}=[\w.-]{1,70}| ?, ?(?:\*|[a-z]{1,16})\/[\w.+*-]{1,64})*$/i
const lineCharsMax = 80
const ordinaryLines = [
  mediaType,
  // A sum; and numbers, or names that are compared with numbers, one after another: `x=1 and y=2`. Where a number is compared it is none.
  /^\d{1,9}(?: ?[-+*/=] ?\d{1,9}){1,4}$/,
  /^(?:[a-z]\w{0,15} ?[=<>] ?)?\d{1,9}(?: (?:and|or) (?:[a-z]\w{0,15} ?[=<>] ?)?\d{1,9}){1,4}$/i,
  // A command and its options, as it is searched for: `rm -rf`, `ls -la`. What has a path, or stands behind a mark, is not one.
  /^[a-z][a-z\d]{0,15}(?: --?[a-z][\w-]{0,20}){1,3}(?: [a-z][\w-]{0,30}){0,2}$/i,
  // A folder or a program of a system, where neither settings nor logs are; one of a person; and the name of a variable.
  /^(?!.*(?:conf|etc|log|apache|htdocs))(?:~|\/(?:bin|home|lib|media|mnt|opt|srv|tmp|usr|var\/(?:cache|lib|local|mail|www)))(?:\/[\w+-]+){0,5}\/?$/i,
  /^~\/\.[a-z]{2,12}rc$/,
  /^[a-z]:\\(?!boot|inetpub|win|xampp)(?:[\w -]+\\)*[\w -]*$/i,
  /^\$(?:\{[A-Z][A-Z_]{1,20}\}|[A-Z][A-Z_]{1,20})$/,
  // Two words, and one before a colon.
  /^[a-z]{2,20}(?: [a-z]{2,20}|:)$/i,
]
