// SPDX-License-Identifier: Apache-2.0

import { unescaped } from '../../decode/json.ts'
import type { Value } from '../../decode/values.ts'
import { decodeLimits } from '../../limits.ts'
import type { Detector } from '../detector.ts'
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
  ({ decoded }) => {
    const { logit, culprit, isCut = false, reasons } = judge(readIn(decoded.values))
    if (culprit === undefined || !(logit > modelWeightMin)) return { evidence: [], isCut }
    const ngrams = reasons()
      .slice(0, ngramsShown)
      .map(({ ngram }) => JSON.stringify(redact(ngram)))
    const where = culprit.name === '' ? culprit.source : `${culprit.source}:${culprit.name}`
    const what = `what attacks are written like: ${ngrams.join(' ')}`
    return { evidence: [{ what, where, text: culprit.text, weight: Math.min(logit, weightsMax.model) }], isCut }
  }

/**
 * JSON within a form or a string, or JSON that was not parted, may have its ASCII escaped: it is read once more, as its parser reads it.
 */
function readIn(values: readonly Value[]): readonly Value[] {
  const read = values.filter((value) => !isOrdinary(value))
  let room: number = decodeLimits.formCharsMax
  for (const value of values) {
    if (!value.text.includes('\\u00') || value.text.length > room || !/\\u00[0-7]/.test(value.text)) continue
    room -= value.text.length
    read.push({ ...value, text: unescaped(value.text), inside: 'json' })
  }
  return read
}

/** The name of a file that is `photo-1.min.jpg`, and the header of its part that says `image/jpeg`, say no more to the model than a word does. */
const isOrdinary = ({ source, text }: Value) =>
  (source === 'FILES' && /^[\w-]+(?:\.\w+)*$/.test(text)) ||
  (source === 'MULTIPART_PART_HEADERS' && /^content-type: ?[a-z]+\/[a-z][\w.+-]*(?:; ?charset=[\w-]+)?$/i.test(text))
