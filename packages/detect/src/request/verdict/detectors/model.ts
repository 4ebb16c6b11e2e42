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
    const values = decoded.values.filter((value) => !isPlainFile(value))
    const { logit, culprit, isCut = false, reasons } = judge([...values, ...withoutEscapes(values)])
    if (culprit === undefined || !(logit > modelWeightMin)) return { evidence: [], isCut }
    const ngrams = reasons()
      .slice(0, ngramsShown)
      .map(({ ngram }) => JSON.stringify(redact(ngram)))
    const where = culprit.name === '' ? culprit.source : `${culprit.source}:${culprit.name}`
    const what = `what attacks are written like: ${ngrams.join(' ')}`
    return { evidence: [{ what, where, text: culprit.text, weight: Math.min(logit, weightsMax.model) }], isCut }
  }

/** `a.txt` and `photo-1.min.jpg` are a name, and say no more to the model than a word does. */
const isPlainFile = ({ source, text }: Value) => source === 'FILES' && /^[\w-]+(?:\.\w+)*$/.test(text)

/** JSON within a form or a string, or JSON that was not parted, may have its ASCII escaped: as its parser reads it. */
function withoutEscapes(values: readonly Value[]): Value[] {
  let room: number = decodeLimits.formCharsMax
  return values.flatMap((value) => {
    if (value.text.length > room || !/\\u00[0-7]/.test(value.text)) return []
    room -= value.text.length
    return [{ ...value, text: unescaped(value.text), inside: 'json' }]
  })
}
