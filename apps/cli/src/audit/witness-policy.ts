// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base'
import { type Policy, parsePolicy, policyLimits, policyOfAll, sha256 } from '@sealwatch/ledger'
import { cliError } from '../errors.ts'
import { readSmallFile } from '../small-file.ts'

/** From --witness (every one of them must have cosigned), or from a policy file (C2SP tlog-policy); else none. */
export function witnessPolicyOf(vkeys: string | undefined, path: string | undefined): Policy | undefined {
  if (vkeys === undefined && path === undefined) return undefined
  const attempted = path === undefined ? 'reading --witness' : `reading the policy ${path}`
  if (vkeys !== undefined && path !== undefined)
    throw cliError('CLI_USAGE', { attempted, advice: 'Give --witness or --policy, not both' })
  try {
    if (path !== undefined) return parsePolicy(sha256, readSmallFile(path, 4 * policyLimits.chars), attempted)
    return policyOfAll(sha256, (vkeys as string).split(','))
  } catch (cause) {
    if (isSealwatchError(cause, 'POLICY_MALFORMED')) throw cause
    const received = isSealwatchError(cause) ? cause.received : (cause as NodeJS.ErrnoException).code
    const advice = 'Give keys as `sealwatch witness init` prints them, or a policy file (docs/formats/witness.md, 4)'
    throw cliError('CLI_TRUST', { attempted, received, advice, cause })
  }
}
