// SPDX-License-Identifier: Apache-2.0

import { policyLimits, type ValidatedPolicy, validatePolicy } from '@sealwatch/contract/policy'
import { cliError } from '../errors.ts'
import type { Io } from '../io.ts'
import { readSmallFile } from '../small-file.ts'
import { counted } from '../terminal.ts'
import { renderProblems } from './render-problems.ts'

/** A policy as it lies in a file. */
export type PolicyFile = {
  readonly path: string
  readonly text: string
  readonly validated: ValidatedPolicy
  /** The version that it was made from, where the file is what `policy show --json` wrote. */
  readonly etag: string | undefined
}

/** What is larger is told as too large, not as unreadable. */
const fileBytesMax = 4 * policyLimits.textBytesMax

export function readPolicyFile(path: string, io: Io): PolicyFile {
  let text: string
  try {
    text = readSmallFile(path, fileBytesMax)
  } catch (cause) {
    throw cliError('CLI_FILE', {
      attempted: `reading ${path}`,
      received: (cause as NodeJS.ErrnoException).code,
      cause,
    })
  }
  return { path, text, validated: validatePolicy(text, { nowMs: io.clock.nowMs() }), etag: etagIn(text) }
}

/** The same; what is wrong with it is shown, and then CLI_POLICY thrown. */
export function readGoodPolicy(
  path: string,
  io: Io,
): PolicyFile & { readonly policy: NonNullable<ValidatedPolicy['policy']> } {
  const file = readPolicyFile(path, io)
  const { policy, validation } = file.validated
  io.err(renderProblems(file, io))
  if (policy !== undefined) return { ...file, policy }
  const errors = validation.problems.filter(({ severity }) => severity === 'error').length
  throw cliError('CLI_POLICY', { attempted: `reading the policy in ${path}`, received: counted(errors, 'error') })
}

function etagIn(text: string): string | undefined {
  try {
    const { etag } = JSON.parse(text) as { etag?: unknown }
    return typeof etag === 'string' && /^"\d+-[0-9a-f]{16}"$/.test(etag) ? etag : undefined
  } catch {
    return undefined
  }
}
