// SPDX-License-Identifier: Apache-2.0

import { readFileSync, statSync } from 'node:fs'
import { errorsOf, isSealwatchError, messageOf } from '@sealwatch/base'
import { type ReputationConfig, readReputationConfig, reputationErrors } from '@sealwatch/detect/reputation'

const bytesMax = 256 * 1024

/** Reads what the setting names, while the process may still read it. Throws REPUTATION_CONFIG. */
export function readFeedPlan(path: string): ReputationConfig | undefined {
  if (path === '') return undefined
  const attempted = `reading ${path}`
  try {
    const { size } = statSync(path)
    if (size > bytesMax) throw new RangeError(`${size} bytes`)
    return readReputationConfig(JSON.parse(readFileSync(path, 'utf8')), attempted)
  } catch (cause) {
    if (isSealwatchError(cause)) throw cause
    throw errorsOf(reputationErrors)('REPUTATION_CONFIG', { attempted, received: messageOf(cause), cause })
  }
}

/** Files that feeds and their secrets are read from again and again. */
export const feedFiles = (plan: ReputationConfig | undefined): readonly string[] =>
  (plan?.feeds ?? []).flatMap(({ source }) => {
    if ('file' in source) return [source.file]
    return source.secret === undefined ? [] : [source.secret.file]
  })
