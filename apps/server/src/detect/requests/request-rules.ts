// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base'
import { type OpenedRules, openRequestRules, ruleProblemText } from '@sealwatch/detect/open-judge'

/** `wrong`: what of the rules over requests is not in force as somebody wrote it, each in a line for people. */
export type RequestRules = OpenedRules & { readonly wrong: readonly string[] }

/**
 * Reads the folder that the operator named, beside our basic rules. Those judge alone where it cannot be read, as rules over events do
 * without a folder of theirs: it keeps nobody from being judged.
 */
export function readRequestRules(folder: string): RequestRules {
  if (folder === '') return withWrong(openRequestRules())
  try {
    return withWrong(openRequestRules(folder))
  } catch (error) {
    if (!isSealwatchError(error, 'REQUEST_RULES')) throw error
    const why = `${folder}: ${error.received ?? error.rule}; the basic rules judge alone until it is there and the server is started again`
    return { ...openRequestRules(), wrong: [why] }
  }
}

const withWrong = (rules: OpenedRules): RequestRules => ({
  ...rules,
  wrong: rules.problems.map(ruleProblemText),
})
