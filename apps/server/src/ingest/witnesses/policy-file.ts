// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { type Policy, parsePolicy, sha256 } from '@sealwatch/ledger'
import { witnessesError } from './errors.ts'

/** Read before root is given up, as the operator may keep it where only root may read. Throws POLICY_MALFORMED too. */
export function readWitnessPolicy(path: string): Policy {
  const attempted = `reading the witness policy ${path}`
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
  } catch (cause) {
    const received = (cause as NodeJS.ErrnoException).code ?? 'bytes that are not UTF-8'
    throw witnessesError('WITNESSES_UNUSABLE', { attempted, received, cause })
  }
  return parsePolicy(sha256, text, attempted)
}
